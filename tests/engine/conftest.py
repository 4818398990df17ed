"""Laws of a user's own file, some of which fail in ways that can be told apart."""

import pytest

from asymptopia import load_file

TOYS = '''
import os
import signal
import time
from pathlib import Path

import numpy as np

from asymptopia import Law, Observable, Record, field
from asymptopia.contract.batching import generator

SYMBOLS = {"mean": Observable("m", "mean of the draws"), "square": Observable("m^2", "its square")}


class Tilt(Record):
    """How the coins are loaded."""

    def of(self, p):
        raise NotImplementedError

    @classmethod
    def from_callable(cls, f):
        return Custom(f)


class Fair(Tilt):
    """As they say."""

    def of(self, p):
        return p


class Custom(Tilt):
    """By a function of one's own."""

    f: object = field(abs, "from p to the probability of heads")

    def of(self, p):
        return self.f(p)


def squared(p):
    return p**2


class Coin(Law):
    """Coins that show heads with probability p."""

    p: float = field(0.5, "probability of heads", at_least=0, at_most=1)
    tilt: Tilt = field(Fair(), "how they are loaded")
    size, sizes, seeds, block = "coins", (10, 20), 12, 4
    observables = SYMBOLS

    def predict(self):
        return {"mean": self.tilt.of(self.p), "square": self.tilt.of(self.p) ** 2}

    def realize(self, n, key):
        mean = (generator(key).random(n) < self.tilt.of(self.p)).mean()
        return {"mean": mean, "square": mean**2}


class Wishart(Law):
    """Spectrum of a Gaussian sample covariance: compiled, and sensitive to the order of sums."""

    ratio: float = field(2.0, "samples per dimension", above=0)
    size, sizes, seeds, block = "dimension", (6, 9), 10, 4
    observables = {
        "largest": Observable("l", "largest eigenvalue"),
        "spectrum": Observable("s", "eigenvalue", dims=("rank",)),
    }

    def predict(self):
        return {"largest": (1 + self.ratio**-0.5) ** 2, "spectrum": np.full(3, 1.0)}

    def coords(self):
        return {"rank": np.arange(3)}

    def realize(self, n, key):
        import jax

        x = jax.random.normal(key, (4 * n, n)) * self.ratio**0.3
        values = jax.numpy.linalg.eigvalsh(x.T @ x / (4 * n))
        return {"largest": values[-1], "spectrum": values[-3:]}


class Field(Coin):
    """Coins laid out in a large array."""

    observables = {"image": Observable("x", "pixel", dims=("pixel",))}
    sizes, seeds = (3,), 4

    def predict(self):
        return {"image": np.full(1500, self.p)}

    def realize(self, n, key):
        return {"image": generator(key).random(1500) + n}


class Fickle(Coin):
    """Coins that raise at size 20 and are lost at size 30, unless the file `cured` is there."""

    cured: str = field("", "path of a file that ends the trouble")

    def realize(self, n, key):
        found = super().realize(n, key)
        if n == 20 and not Path(self.cured).is_file():
            raise ArithmeticError("the coin stood on its edge")
        if n == 30 and not Path(self.cured).is_file():
            found["square"] = float("nan")
        return found


class Slow(Coin):
    """Coins thrown slowly, which leave a note for each throw."""

    notes: str = field("", "folder for the notes")
    pause: float = field(0.02, "seconds a realisation takes", at_least=0)

    def realize(self, n, key):
        if self.notes:
            (Path(self.notes) / f"{os.getpid()}-{n}-{time.monotonic_ns()}").touch()
        time.sleep(self.pause)
        return super().realize(n, key)


class Mortal(Slow):
    """Coins of which the twentieth kills the process that throws it, once."""

    def realize(self, n, key):
        found = super().realize(n, key)
        death = Path(self.notes).with_name("death")
        if len(list(Path(self.notes).iterdir())) >= 20 and not death.exists():
            try:
                with death.open("x") as file:
                    file.write(str(os.getpid()))
            except FileExistsError:
                return found
            os.kill(os.getpid(), signal.SIGKILL)
        return found


class Deadly(Slow):
    """Coins that kill the process that throws 20 of them."""

    def realize(self, n, key):
        if n == 20:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().realize(n, key)
'''


@pytest.fixture(scope="session")
def toy_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("laws") / "toys.py"
    path.write_text(TOYS)
    return path


@pytest.fixture(scope="session")
def toys(toy_file):
    return load_file(toy_file)
