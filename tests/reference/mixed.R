# Makes mixed.json: linear mixed models from lme4, lmerTest and pbkrtest, of tables simulated here (their rows are written too).
# Run: Rscript mixed.R > mixed.json     (R 4.2.2, lme4 1.1-31, lmerTest 3.1-3, pbkrtest 0.5.2, jsonlite)
suppressPackageStartupMessages({library(lme4); library(lmerTest); library(pbkrtest); library(jsonlite)})
tight <- lmerControl(optimizer = "nloptwrap", calc.derivs = FALSE,
  optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-12, xtol_rel = 1e-12, ftol_rel = 1e-14, maxeval = 20000))
fit <- function(f, d, REML = TRUE) {
  m <- suppressMessages(suppressWarnings(lmerTest::lmer(f, d, control = tight, REML = REML)))
  s <- coef(summary(m))
  r <- if (REML) coef(summary(m, ddf = "Kenward-Roger")) else NULL
  c(list(formula = deparse(f), reml = REML, coefficient = unname(s[, 1]), std_error = unname(s[, 2]), df = unname(s[, 3]),
       components = lapply(VarCorr(m), function(v) unname(matrix(as.numeric(v), nrow(v)))), residual = sigma(m)^2,
       deviance = if (REML) REMLcrit(m) else unname(deviance(m)), effects = lapply(ranef(m), function(r) unname(as.matrix(r)))),
       if (REML) list(adjusted_covariance = unname(as.matrix(vcovAdj(m))), adjusted_df = unname(r[, 3])))
}
set.seed(51)
d <- expand.grid(a = 1:30, b = 1:6, c = 1:4); d <- d[runif(nrow(d)) > .4, ]
d$x <- round(rnorm(nrow(d)) + rnorm(30)[d$a], 3); d$z <- round(rnorm(nrow(d)), 3)
A <- matrix(rnorm(60), 30) %*% chol(matrix(c(1, .3, .3, .4), 2))
d$y <- round(1 + .5 * d$x - .2 * d$z + A[d$a, 1] + A[d$a, 2] * d$x + rnorm(6, 0, .6)[d$b] + rnorm(nrow(d), 0, .8), 4)
repeat {  # a factor whose component is estimated as zero
  d$e <- sample(rep(1:8, length.out = nrow(d)))
  if (suppressMessages(VarCorr(lme4::lmer(y ~ x + z + (1 | a) + (1 | b) + (1 | e), d))$e[1]) == 0) break
}
for (k in c("a", "b", "c", "e")) d[[k]] <- factor(d[[k]])
out <- list(meta = list(r = R.version.string, lme4 = as.character(packageVersion("lme4")), lmerTest = as.character(packageVersion("lmerTest"))),
  rows = as.list(d),
  crossed = fit(y ~ x + z + (1 | a) + (1 | b), d), likelihood = fit(y ~ x + z + (1 | a) + (1 | b), d, FALSE),
  three = fit(y ~ x + z + (1 | a) + (1 | b) + (1 | c), d), boundary = fit(y ~ x + z + (1 | a) + (1 | b) + (1 | e), d), slopes = fit(y ~ x + z + (1 + x | a) + (1 | b), d))
write(toJSON(out, digits = I(15), auto_unbox = TRUE), stdout())
