# Makes crossed.json: lme4's REML and Laplace estimates of unbalanced crossed tables simulated here (their rows are written
# too), for the limit of flat priors of the hierarchical models.
# Run: Rscript crossed.R > crossed.json     (R 4.2.2, lme4 1.1-31, jsonlite)
suppressPackageStartupMessages({library(lme4); library(jsonlite)})
made <- function(seed, sizes, spread, drop) {
  set.seed(seed)
  d <- expand.grid(lapply(sizes, seq_len)); names(d) <- c("respondent", "item", "prompt")
  d$eta <- 0
  for (k in names(spread)) {
    g <- interaction(d[strsplit(k, ":")[[1]]], drop = TRUE); d$eta <- d$eta + spread[[k]] * rnorm(nlevels(g))[g]
  }
  d[runif(nrow(d)) > drop, ]
}
spread <- c(respondent = 1, item = .7, prompt = .5, "respondent:item" = .6)
terms <- names(spread)
right <- paste0("(1|", terms, ")", collapse = " + ")
d <- made(11, c(30, 12, 8), spread, .25)
d$y <- round(3 + d$eta + rnorm(nrow(d)), 3)
tight <- lmerControl(optimizer = "nloptwrap", calc.derivs = FALSE,
  optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-12, xtol_rel = 1e-12, ftol_rel = 1e-14, maxeval = 20000))
f <- d; for (k in c("respondent", "item", "prompt")) f[[k]] <- factor(f[[k]])
m <- lmer(as.formula(paste("y ~ 1 +", right)), f, control = tight)
v <- as.data.frame(VarCorr(m)); v <- setNames(v$sdcor, v$grp)
out <- list(meta = list(r = R.version.string, lme4 = as.character(packageVersion("lme4"))))
out$gaussian <- list(terms = terms, sd = unname(v[c(terms, "Residual")]), mean = unname(fixef(m)),
  respondent = unname(coef(m)$respondent[as.character(1:30), 1]), rows = as.list(d[c("respondent", "item", "prompt", "y")]))
# Without the interaction: of six binary answers at a level glmer's approximation of the integral is too rough.
spread <- spread[1:3]; terms <- names(spread); right <- paste0("(1|", terms, ")", collapse = " + ")
b <- made(12, c(40, 15, 6), spread, .2)
b$y <- as.integer(b$eta + rlogis(nrow(b)) > .3)
g <- glmer(as.formula(paste("y ~ 1 +", right)), b, family = binomial)
v <- as.data.frame(VarCorr(g)); v <- setNames(v$sdcor, v$grp)
out$binary <- list(terms = terms, sd = unname(v[terms]), threshold = -unname(fixef(g)),
  respondent = unname(ranef(g)$respondent[as.character(1:40), 1]), rows = as.list(b[c("respondent", "item", "prompt", "y")]))
write(toJSON(out, digits = I(10), auto_unbox = TRUE), stdout())
