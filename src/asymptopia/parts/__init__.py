"""Parts of a statement that several laws share: priors, channels, losses, activations, potentials, data.

`from asymptopia.parts import Logistic, Rademacher` loads them when they are first asked for. A part that only one law
knows stands beside that law. Where two families use one name (`Sign` is a channel and an activation), this page has the
channel; the other is `asymptopia.parts.activation.Sign`. In a statement a name is looked up among the parts that its
field admits.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .activation import Activation as Activation
    from .activation import Erf as Erf
    from .activation import Gelu as Gelu
    from .activation import Identity as Identity
    from .activation import PolynomialUnit as PolynomialUnit
    from .activation import Power as Power
    from .activation import Ramp as Ramp
    from .activation import Relu as Relu
    from .activation import Sigmoid as Sigmoid
    from .activation import Softplus as Softplus
    from .activation import Tanh as Tanh
    from .amplitude import Amplitude as Amplitude
    from .amplitude import Cauchy as Cauchy
    from .amplitude import Mistakes as Mistakes
    from .architecture import Architecture as Architecture
    from .architecture import Convolutional as Convolutional
    from .architecture import Dense as Dense
    from .architecture import Residual as Residual
    from .channel import Abs as Abs
    from .channel import Channel as Channel
    from .channel import Door as Door
    from .channel import Linear as Linear
    from .channel import Logit as Logit
    from .channel import Probit as Probit
    from .channel import ReLU as ReLU
    from .channel import Sign as Sign
    from .classes import Softmax as Softmax
    from .covariance import Covariance as Covariance
    from .covariance import Isotropic as Isotropic
    from .covariance import Matrices as Matrices
    from .covariance import PowerDensity as PowerDensity
    from .covariance import PowerLaw as PowerLaw
    from .covariance import Spectrum as Spectrum
    from .data import Bundled as Bundled
    from .data import Covariates as Covariates
    from .data import Data as Data
    from .data import Patches as Patches
    from .data import Table as Table
    from .frequencies import Frequencies as Frequencies
    from .frequencies import GaussianFrequencies as GaussianFrequencies
    from .frequencies import Lorentzian as Lorentzian
    from .frequencies import UniformFrequencies as UniformFrequencies
    from .graph import Graph as Graph
    from .graph import Lattice as Lattice
    from .graph import RandomRegular as RandomRegular
    from .inputs import Curve as Curve
    from .inputs import Inputs as Inputs
    from .inputs import IsotropicGaussians as IsotropicGaussians
    from .inputs import QuadraticForm as QuadraticForm
    from .kernel import NNGP as NNGP
    from .kernel import NTK as NTK
    from .kernel import RBF as RBF
    from .kernel import Kernel as Kernel
    from .kernel import Polynomial as Polynomial
    from .kernel import Powers as Powers
    from .kernel_features import KernelFeatures as KernelFeatures
    from .loss import Absolute as Absolute
    from .loss import Hinge as Hinge
    from .loss import Huber as Huber
    from .loss import Logistic as Logistic
    from .loss import Loss as Loss
    from .loss import Square as Square
    from .mixture import Mixture as Mixture
    from .network import Network as Network
    from .network import NetworkKernel as NetworkKernel
    from .network import ReluNetwork as ReluNetwork
    from .neurons import Complete as Complete
    from .neurons import Neurons as Neurons
    from .neurons import StudentWeights as StudentWeights
    from .neurons import Weights as Weights
    from .nonnegative import DigitImages as DigitImages
    from .nonnegative import NonnegativeData as NonnegativeData
    from .nonnegative import Notes as Notes
    from .nonnegative import Planted as Planted
    from .optimiser import GaussNewton as GaussNewton
    from .optimiser import GradientDescent as GradientDescent
    from .optimiser import HeavyBall as HeavyBall
    from .optimiser import Inertial as Inertial
    from .optimiser import KroneckerFactored as KroneckerFactored
    from .optimiser import Majorization as Majorization
    from .optimiser import Optimiser as Optimiser
    from .perceptron import Perceptron as Perceptron
    from .potential import DoubleWell as DoubleWell
    from .potential import Normal as Normal
    from .potential import Potential as Potential
    from .potential import Quadratic as Quadratic
    from .prior import GaussBernoulli as GaussBernoulli
    from .prior import Gaussian as Gaussian
    from .prior import Laplace as Laplace
    from .prior import Prior as Prior
    from .prior import Rademacher as Rademacher
    from .prior import SparseRademacher as SparseRademacher
    from .propensity import EqualPropensities as EqualPropensities
    from .propensity import GammaPropensities as GammaPropensities
    from .propensity import PowerLawPropensities as PowerLawPropensities
    from .propensity import Propensities as Propensities
    from .propensity import TwoPropensities as TwoPropensities
    from .sampler import HMC as HMC
    from .sampler import MALA as MALA
    from .sampler import NUTS as NUTS
    from .sampler import Exchange as Exchange
    from .sampler import Infinite as Infinite
    from .sampler import InfiniteSwapping as InfiniteSwapping
    from .sampler import PosteriorSampler as PosteriorSampler
    from .sampler import RandomWalk as RandomWalk
    from .sampler import Swapping as Swapping
    from .schedule import Constant as Constant
    from .schedule import Cosine as Cosine
    from .schedule import PowerDecay as PowerDecay
    from .schedule import Schedule as Schedule
    from .schedule import WarmupStableDecay as WarmupStableDecay
    from .singular_values import Geometric as Geometric
    from .singular_values import MarchenkoPastur as MarchenkoPastur
    from .singular_values import RowOrthogonal as RowOrthogonal
    from .singular_values import SingularValues as SingularValues


def __getattr__(name: str) -> Any:
    from ..contract.catalogue import part_named, part_names
    from ..contract.record import nearest

    if name.startswith("_"):
        raise AttributeError(name)
    part = part_named(name)
    if part is None:
        raise AttributeError(f"There is no part {name!r}.{nearest(name, part_names())}")
    return part


def __dir__() -> list[str]:
    from ..contract.catalogue import part_names

    return part_names()
