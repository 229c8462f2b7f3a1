# Values for tests/numerics/factors and tests/estimates/structure: the table is drawn here, nothing is copied.
# Run: Rscript factors.R > factors.json
suppressPackageStartupMessages({library(psych); library(GPArotation); library(lavaan); library(jsonlite)})
set.seed(20261121)
n <- 300; k <- 12; m <- 3
L <- matrix(0, k, m); L[cbind(1:k, rep(1:m, each = 4))] <- rep(c(.75, .65, .55, .45), m); L[3, 2] <- .3; L[9, 1] <- -.2
Phi <- matrix(c(1, .3, .2, .3, 1, .4, .2, .4, 1), m)
F <- matrix(rnorm(n * m), n) %*% chol(Phi)
Z <- F %*% t(L) + matrix(rnorm(n * k), n) %*% diag(sqrt(1 - rowSums((L %*% Phi) * L)))
X <- matrix(findInterval(Z, c(-1.2, -.3, .5, 1.3)) + 1, n); colnames(X) <- paste0("i", 1:k)
R <- cor(X)
quiet <- function(e) suppressWarnings(suppressMessages(e))
mat <- function(x) unname(unclass(as.matrix(x)))
out <- list(versions = list(R = R.version.string, psych = as.character(packageVersion("psych")),
                            lavaan = as.character(packageVersion("lavaan"))), answers = mat(X))
for (fm in c("minres", "ml", "pa")) for (rot in c("none", "varimax", "promax", "oblimin")) {
  f <- quiet(fa(R, m, n.obs = n, fm = fm, rotate = rot, max.iter = 5000, min.err = 1e-10))
  one <- list(loadings = mat(f$loadings))
  if (!is.null(f$Phi)) one$phi <- mat(f$Phi)
  if (rot == "none") one$fit <- list(objective = f$objective, statistic = f$STATISTIC, df = f$dof, p_value = f$PVAL,
    null_statistic = f$null.chisq, tli = f$TLI, bic = f$BIC, rmsr = f$rms, rmsr_corrected = f$crms,
    rmsea_low = unname(f$RMSEA[2]), rmsea_high = unname(f$RMSEA[3]), rmsea_psych = unname(f$RMSEA[1]))
  if (rot == "oblimin") one <- c(one, list(complexity = unname(f$complexity), communality = unname(f$communality),
    carried = unname(f$Vaccounted[1, ]), determinacy2 = unname(f$R2)))
  out[[paste(fm, rot, sep = ".")]] <- one }
f <- quiet(fa(R, m, n.obs = n, fm = "minres", rotate = "oblimin"))
for (method in c("Thurstone", "Bartlett", "tenBerge")) {
  s <- quiet(factor.scores(X, f, method = method))
  out[[paste0("scores.", method)]] <- list(weights = mat(s$weights), first = mat(s$scores[1:5, ]), correlation = mat(s$r.scores)) }
# Where answers are missing: pairwise correlations.
H <- X; H[cbind(seq(1, n, 7), rep_len(1:k, length(seq(1, n, 7))))] <- NA
f <- quiet(fa(H, m, fm = "minres", rotate = "oblimin"))
out$pairwise <- list(loadings = mat(f$loadings), phi = mat(f$Phi))
f <- quiet(fa(polychoric(X, correct = 0)$rho, m, n.obs = n, fm = "minres", rotate = "oblimin"))
out$polychoric <- list(loadings = mat(f$loadings), phi = mat(f$Phi))
# lavaan: generalised least squares, of covariances with n - 1. Its standard errors of rotated loadings are not taken:
# those of 0.6-14 are up to half off what a parametric bootstrap of this table shows.
g <- quiet(efa(as.data.frame(scale(X)), nfactors = m, estimator = "GLS", rotation = "none", output = "lavaan"))
out$gls <- list(loadings = mat(lavInspect(g, "est")$lambda), uniqueness = unname(diag(lavInspect(g, "est")$theta)))
cat(toJSON(out, digits = 10, auto_unbox = TRUE, matrix = "rowmajor"))
