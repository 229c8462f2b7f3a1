"""psychomet: tidy response tables go in, defensible statements about traits come out.

The names below are the package. Each is loaded when it is first asked for (PEP 562), so importing
psychomet costs nothing and a name needs only the libraries that it uses itself.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # read as true by type checkers; typing itself is not imported at start-up

if TYPE_CHECKING:
    from psychomet.errors import InputError, NotComparableError, PsychometError
    from psychomet.estimates.causes.adjustment import adjustment
    from psychomet.estimates.causes.discovery import discovery
    from psychomet.estimates.causes.hierarchy.hierarchy import (
        JointPriors,
        Outcome,
        Priors,
        Sampling,
        Structure,
        hierarchy,
        posterior,
    )
    from psychomet.estimates.causes.hierarchy.loo_comparison import loo_comparison
    from psychomet.estimates.causes.independence import independence, p_table
    from psychomet.estimates.causes.mediation import mediation
    from psychomet.estimates.causes.representation.representation import Training, representation
    from psychomet.estimates.design import design
    from psychomet.estimates.precision.agreement import agreement
    from psychomet.estimates.precision.generalizability import generalizability
    from psychomet.estimates.precision.omega import omega
    from psychomet.estimates.precision.plan import plan
    from psychomet.estimates.precision.rater_agreement import rater_agreement
    from psychomet.estimates.precision.reliability import reliability
    from psychomet.estimates.profile import profile
    from psychomet.estimates.sensitivity.consistency import consistency
    from psychomet.estimates.sensitivity.option_bias import option_bias
    from psychomet.estimates.sensitivity.refusal import refusal
    from psychomet.estimates.sensitivity.sensitivity import sensitivity
    from psychomet.estimates.structure.confirmatory import confirmatory
    from psychomet.estimates.structure.congruence import congruence
    from psychomet.estimates.structure.correlations import correlations
    from psychomet.estimates.structure.dimensions import dimensions
    from psychomet.estimates.structure.factors import factor_scores, factors
    from psychomet.estimates.validity.alignment import alignment
    from psychomet.estimates.validity.belief_consistency import belief_consistency
    from psychomet.estimates.validity.criterion_validity import criterion_validity
    from psychomet.estimates.validity.effects import effects
    from psychomet.estimates.validity.link import link
    from psychomet.estimates.validity.link_parts import link_parts
    from psychomet.estimates.validity.logistic_link import logistic_link
    from psychomet.estimates.validity.mixed_link import mixed_link
    from psychomet.estimates.validity.multitrait import multitrait
    from psychomet.estimates.validity.specification_curve import specification_curve
    from psychomet.notes import Note
    from psychomet.pages.page import write_page
    from psychomet.result.gate import gate, read_rules
    from psychomet.result.reference import with_reference
    from psychomet.result.result import VOCABULARY, Result, make_result
    from psychomet.result.store import load, save
    from psychomet.scores.feature_scores import with_scores
    from psychomet.scores.key import Key, Scale, read_key
    from psychomet.scores.score import score
    from psychomet.second_opinion import crosscheck
    from psychomet.studies import check, report, study
    from psychomet.table.features import FeatureTable
    from psychomet.table.read import from_wide, read_responses
    from psychomet.table.read_features import from_arrays, read_features
    from psychomet.table.responses import ResponseTable
    from psychomet.table.simulate import simulate_study
    from psychomet.table.simulate.modalities import simulate_modalities
    from psychomet.table.simulate.pictures import simulate_pictures
    from psychomet.table.subset import without

_HOME = {
    # 1  what was answered
    "ResponseTable": "psychomet.table.responses",
    "read_responses": "psychomet.table.read",
    "from_wide": "psychomet.table.read",
    "simulate_study": "psychomet.table.simulate",
    "without": "psychomet.table.subset",
    "FeatureTable": "psychomet.table.features",
    "read_features": "psychomet.table.read_features",
    "from_arrays": "psychomet.table.read_features",
    "simulate_modalities": "psychomet.table.simulate.modalities",
    "simulate_pictures": "psychomet.table.simulate.pictures",
    # 2  how answers become numbers
    "Key": "psychomet.scores.key",
    "Scale": "psychomet.scores.key",
    "read_key": "psychomet.scores.key",
    "score": "psychomet.scores.score",
    "with_scores": "psychomet.scores.feature_scores",
    # 3  one question each
    "design": "psychomet.estimates.design",
    "profile": "psychomet.estimates.profile",
    "reliability": "psychomet.estimates.precision.reliability",
    "omega": "psychomet.estimates.precision.omega",
    "agreement": "psychomet.estimates.precision.agreement",
    "rater_agreement": "psychomet.estimates.precision.rater_agreement",
    "generalizability": "psychomet.estimates.precision.generalizability",
    "plan": "psychomet.estimates.precision.plan",
    "correlations": "psychomet.estimates.structure.correlations",
    "dimensions": "psychomet.estimates.structure.dimensions",
    "factors": "psychomet.estimates.structure.factors",
    "factor_scores": "psychomet.estimates.structure.factors",
    "congruence": "psychomet.estimates.structure.congruence",
    "confirmatory": "psychomet.estimates.structure.confirmatory",
    "refusal": "psychomet.estimates.sensitivity.refusal",
    "sensitivity": "psychomet.estimates.sensitivity.sensitivity",
    "consistency": "psychomet.estimates.sensitivity.consistency",
    "option_bias": "psychomet.estimates.sensitivity.option_bias",
    "effects": "psychomet.estimates.validity.effects",
    "link": "psychomet.estimates.validity.link",
    "link_parts": "psychomet.estimates.validity.link_parts",
    "mixed_link": "psychomet.estimates.validity.mixed_link",
    "alignment": "psychomet.estimates.validity.alignment",
    "specification_curve": "psychomet.estimates.validity.specification_curve",
    "multitrait": "psychomet.estimates.validity.multitrait",
    "criterion_validity": "psychomet.estimates.validity.criterion_validity",
    "belief_consistency": "psychomet.estimates.validity.belief_consistency",
    "logistic_link": "psychomet.estimates.validity.logistic_link",
    "hierarchy": "psychomet.estimates.causes.hierarchy.hierarchy",
    "posterior": "psychomet.estimates.causes.hierarchy.hierarchy",
    "Priors": "psychomet.estimates.causes.hierarchy.hierarchy",
    "Sampling": "psychomet.estimates.causes.hierarchy.hierarchy",
    "Structure": "psychomet.estimates.causes.hierarchy.hierarchy",
    "Outcome": "psychomet.estimates.causes.hierarchy.hierarchy",
    "JointPriors": "psychomet.estimates.causes.hierarchy.hierarchy",
    "loo_comparison": "psychomet.estimates.causes.hierarchy.loo_comparison",
    "independence": "psychomet.estimates.causes.independence",
    "p_table": "psychomet.estimates.causes.independence",
    "discovery": "psychomet.estimates.causes.discovery",
    "mediation": "psychomet.estimates.causes.mediation",
    "adjustment": "psychomet.estimates.causes.adjustment",
    "representation": "psychomet.estimates.causes.representation.representation",
    "Training": "psychomet.estimates.causes.representation.representation",
    # 4  what we now know
    "Result": "psychomet.result.result",
    "VOCABULARY": "psychomet.result.result",
    "make_result": "psychomet.result.result",
    "with_reference": "psychomet.result.reference",
    "Note": "psychomet.notes",
    "save": "psychomet.result.store",
    "load": "psychomet.result.store",
    "gate": "psychomet.result.gate",
    "read_rules": "psychomet.result.gate",
    # 5  the whole way
    "write_page": "psychomet.pages.page",
    "check": "psychomet.studies",
    "study": "psychomet.studies",
    "report": "psychomet.studies",
    "crosscheck": "psychomet.second_opinion",
    # what goes wrong
    "PsychometError": "psychomet.errors",
    "InputError": "psychomet.errors",
    "NotComparableError": "psychomet.errors",
}
"""Where each public name lives. No name may equal a module of the package: importing that module
would put the module in the name's place."""

_ENGINES = {
    "arviz": "bayes",
    "nutpie": "bayes",
    "pymc": "bayes",
    "causallearn": "causal",
    "joblib": "causal",
    "equinox": "jax",
    "jax": "jax",
    "optax": "jax",
    "ipykernel": "report",
    "nbclient": "report",
    "pypandoc": "report",
    "weasyprint": "report",
    "pyspark": "spark",
    "factor_analyzer": "crosscheck",
    "krippendorff": "crosscheck",
    "pingouin": "crosscheck",
    "statsmodels": "crosscheck",
}
"""Optional packages and the extra that brings each."""

__all__ = [
    "VOCABULARY",
    "FeatureTable",
    "InputError",
    "JointPriors",
    "Key",
    "NotComparableError",
    "Note",
    "Outcome",
    "Priors",
    "PsychometError",
    "ResponseTable",
    "Result",
    "Sampling",
    "Scale",
    "Structure",
    "Training",
    "adjustment",
    "agreement",
    "alignment",
    "belief_consistency",
    "check",
    "confirmatory",
    "congruence",
    "consistency",
    "correlations",
    "criterion_validity",
    "crosscheck",
    "design",
    "dimensions",
    "discovery",
    "effects",
    "factor_scores",
    "factors",
    "from_arrays",
    "from_wide",
    "gate",
    "generalizability",
    "hierarchy",
    "independence",
    "link",
    "link_parts",
    "load",
    "logistic_link",
    "loo_comparison",
    "make_result",
    "mediation",
    "mixed_link",
    "multitrait",
    "omega",
    "option_bias",
    "p_table",
    "plan",
    "posterior",
    "profile",
    "rater_agreement",
    "read_features",
    "read_key",
    "read_responses",
    "read_rules",
    "refusal",
    "reliability",
    "report",
    "representation",
    "save",
    "score",
    "sensitivity",
    "simulate_modalities",
    "simulate_pictures",
    "simulate_study",
    "specification_curve",
    "study",
    "with_reference",
    "with_scores",
    "without",
    "write_page",
]


if not TYPE_CHECKING:  # a type checker reads the imports above and reports a name that is not there

    def __getattr__(name: str) -> object:
        """Load a public name on first use and keep it.

        Raises
        ------
        MissingEngineError
            If the name needs an optional package that is not installed; the message names the extra.
        """
        home = _HOME.get(name)
        if home is None:
            raise AttributeError(f"module 'psychomet' has no attribute {name!r}")
        from importlib import import_module

        try:
            value = getattr(import_module(home), name)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            extra = _ENGINES.get(package)
            if extra is None:
                raise
            from psychomet.errors import MissingEngineError

            raise MissingEngineError(
                f"psychomet.{name} needs the package {package}, which is not installed. "
                f"Install it with: pip install 'psychomet[{extra}]'"
            ) from error
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
