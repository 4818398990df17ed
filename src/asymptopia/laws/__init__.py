"""The laws by name, each loaded when it is first asked for: `from asymptopia.laws import ERM`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .approximation.barron import Barron as Barron
    from .approximation.depth_separation import DepthSeparation as DepthSeparation
    from .approximation.relu_spline import ReLUSpline as ReLUSpline
    from .dynamics.adaptive_sgd import AdaptiveSGD as AdaptiveSGD
    from .dynamics.central_flow import CentralFlow as CentralFlow
    from .dynamics.deep_linear import DeepLinear as DeepLinear
    from .dynamics.functional_scaling_law import FunctionalScalingLaw as FunctionalScalingLaw
    from .dynamics.one_third_law import OneThirdLaw as OneThirdLaw
    from .dynamics.online_sgd import OnlineSGD as OnlineSGD
    from .dynamics.ridge_flow import RidgeFlow as RidgeFlow
    from .dynamics.scaling_phases import ScalingPhases as ScalingPhases
    from .dynamics.sgd_dynamics import SGDDynamics as SGDDynamics
    from .dynamics.spherical_p_spin import SphericalPSpin as SphericalPSpin
    from .dynamics.spiked_matrix_tensor import SpikedMatrixTensor as SpikedMatrixTensor
    from .factorisation.beta_nmf import BetaNMF as BetaNMF
    from .factorisation.butterfly import Butterfly as Butterfly
    from .factorisation.convolutional_linear_network import ConvolutionalLinearNetwork as ConvolutionalLinearNetwork
    from .factorisation.structured_factorisation import StructuredFactorisation as StructuredFactorisation
    from .inference.amp import AMP as AMP
    from .inference.attention_index import AttentionIndex as AttentionIndex
    from .inference.bayes_deep_linear import BayesDeepLinear as BayesDeepLinear
    from .inference.bayes_optimal import BayesOptimal as BayesOptimal
    from .inference.capacity import Capacity as Capacity
    from .inference.committee import Committee as Committee
    from .inference.contextual_block_model import ContextualBlockModel as ContextualBlockModel
    from .inference.diffusion_memorisation import DiffusionMemorisation as DiffusionMemorisation
    from .inference.erm import ERM as ERM
    from .inference.gaussian_covariate import GaussianCovariate as GaussianCovariate
    from .inference.graph_convolution import GraphConvolution as GraphConvolution
    from .inference.in_context_regression import InContextRegression as InContextRegression
    from .inference.l1_recovery import L1Recovery as L1Recovery
    from .inference.max_margin import MaxMargin as MaxMargin
    from .inference.mixture_erm import MixtureERM as MixtureERM
    from .inference.multi_index import MultiIndex as MultiIndex
    from .inference.multi_layer_glm import MultiLayerGLM as MultiLayerGLM
    from .inference.nonconvex_erm import NonconvexERM as NonconvexERM
    from .inference.one_giant_step import OneGiantStep as OneGiantStep
    from .inference.quadratic_network import QuadraticNetwork as QuadraticNetwork
    from .inference.quantile_regression import QuantileRegression as QuantileRegression
    from .inference.random_features import RandomFeatures as RandomFeatures
    from .inference.rotation_invariant_bayes import RotationInvariantBayes as RotationInvariantBayes
    from .inference.rotation_invariant_design import RotationInvariantDesign as RotationInvariantDesign
    from .inference.sequence_index import SequenceIndex as SequenceIndex
    from .inference.spiked_matrix import SpikedMatrix as SpikedMatrix
    from .inference.stochastic_block_model import StochasticBlockModel as StochasticBlockModel
    from .kernels.kernel_regression import KernelRegression as KernelRegression
    from .kernels.lazy_training import LazyTraining as LazyTraining
    from .kernels.signal_propagation import SignalPropagation as SignalPropagation
    from .kernels.wide_network import WideNetwork as WideNetwork
    from .kernels.wide_network_kernel import WideNetworkKernel as WideNetworkKernel
    from .landscape.deep_linear_critical_points import DeepLinearCriticalPoints as DeepLinearCriticalPoints
    from .landscape.functional_dimension import FunctionalDimension as FunctionalDimension
    from .landscape.hessian_spectrum import HessianSpectrum as HessianSpectrum
    from .landscape.landscape_floor import LandscapeFloor as LandscapeFloor
    from .landscape.mode_connectivity import ModeConnectivity as ModeConnectivity
    from .landscape.p_spin_complexity import PSpinComplexity as PSpinComplexity
    from .landscape.spurious_valleys import SpuriousValleys as SpuriousValleys
    from .landscape.wide_network_landscape import WideNetworkLandscape as WideNetworkLandscape
    from .mean_field.attention_particles import AttentionParticles as AttentionParticles
    from .mean_field.consensus_optimisation import ConsensusOptimisation as ConsensusOptimisation
    from .mean_field.equiangular_attention import EquiangularAttention as EquiangularAttention
    from .mean_field.feature_learning import FeatureLearning as FeatureLearning
    from .mean_field.fokker_planck import FokkerPlanck as FokkerPlanck
    from .mean_field.kuramoto import Kuramoto as Kuramoto
    from .mean_field.local_entropy import LocalEntropy as LocalEntropy
    from .mean_field.mckean_vlasov import McKeanVlasov as McKeanVlasov
    from .mean_field.mean_field_game import MeanFieldGame as MeanFieldGame
    from .mean_field.noisy_two_layer import NoisyTwoLayer as NoisyTwoLayer
    from .mean_field.path_integral_control import PathIntegralControl as PathIntegralControl
    from .mean_field.schroedinger_bridge import SchroedingerBridge as SchroedingerBridge
    from .mean_field.stein_particles import SteinParticles as SteinParticles
    from .mean_field.two_layer import TwoLayer as TwoLayer
    from .mean_field.two_layer_fluctuations import TwoLayerFluctuations as TwoLayerFluctuations
    from .mean_field.underdamped import Underdamped as Underdamped
    from .mean_field.wasserstein_flow import WassersteinFlow as WassersteinFlow
    from .optimisation.inertial_newton import InertialNewton as InertialNewton
    from .optimisation.majorization_minimization import MajorizationMinimization as MajorizationMinimization
    from .optimisation.palm import PALM as PALM
    from .optimisation.prox_linear import ProxLinear as ProxLinear
    from .optimisation.training_race import TrainingRace as TrainingRace
    from .pde_networks.hamiltonian import Hamiltonian as Hamiltonian
    from .pde_networks.parabolic import Parabolic as Parabolic
    from .pde_networks.residual_limit import ResidualLimit as ResidualLimit
    from .pde_networks.second_order import SecondOrder as SecondOrder
    from .sampling.bayesian_network import BayesianNetwork as BayesianNetwork
    from .sampling.bouncy_particle import BouncyParticle as BouncyParticle
    from .sampling.event_chain import EventChain as EventChain
    from .sampling.field_chain import FieldChain as FieldChain
    from .sampling.non_reversible_tempering import NonReversibleTempering as NonReversibleTempering
    from .sampling.rotor_chain import RotorChain as RotorChain
    from .sampling.sgld import SGLD as SGLD
    from .sampling.soft_rods import SoftRods as SoftRods
    from .sampling.tempering import Tempering as Tempering
    from .sampling.zig_zag import ZigZag as ZigZag
    from .spins.critical_curie_weiss import CriticalCurieWeiss as CriticalCurieWeiss
    from .spins.curie_weiss import CurieWeiss as CurieWeiss
    from .spins.curie_weiss_deviations import CurieWeissDeviations as CurieWeissDeviations
    from .spins.dense_associative_memory import DenseAssociativeMemory as DenseAssociativeMemory
    from .spins.hopfield import Hopfield as Hopfield
    from .spins.ising_mean_field import IsingMeanField as IsingMeanField
    from .spins.p_spin_statics import PSpinStatics as PSpinStatics
    from .spins.sherrington_kirkpatrick import SherringtonKirkpatrick as SherringtonKirkpatrick
    from .spins.tap_equations import TAPEquations as TAPEquations


def __getattr__(name: str) -> Any:
    from ..contract.catalogue import law_modules, law_named
    from ..contract.record import nearest

    law = law_named(name)
    if law is None:
        raise AttributeError(f"There is no law {name!r}.{nearest(name, law_modules())}")
    return law


def __dir__() -> list[str]:
    from ..contract.catalogue import law_modules

    return list(law_modules())
