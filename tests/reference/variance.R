# Makes variance.json: REML variance components from lme4 of tables simulated here (their rows are written too), and
# of two tables that come with lme4 (their mean squares only: both are balanced).
# Run: Rscript variance.R > variance.json     (R 4.2.2, lme4 1.1-31, psych 2.2.9, jsonlite)
# `huang`, `pxio` and `shrout_fleiss_holes` hold values typed by hand: see each entry's `source`.
suppressPackageStartupMessages({library(lme4); library(psych); library(jsonlite)})
tight <- lmerControl(optimizer = "nloptwrap", calc.derivs = FALSE,
  optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-12, xtol_rel = 1e-12, ftol_rel = 1e-14, maxeval = 20000))
fit <- function(d, terms) {
  for (k in setdiff(names(d), "y")) d[[k]] <- factor(d[[k]])
  f <- as.formula(paste("y ~ 1 +", paste0("(1|", terms, ")", collapse = " + ")))
  m <- suppressMessages(suppressWarnings(lmer(f, d, control = tight)))
  v <- as.data.frame(VarCorr(m)); v <- setNames(v$vcov, v$grp)
  list(terms = terms, component = unname(v[c(terms, "Residual")]), deviance = REMLcrit(m), fixed = unname(fixef(m)))
}
holes <- function(seed, sizes, spread, drop) {
  set.seed(seed)
  d <- expand.grid(lapply(sizes, seq_len)); names(d) <- letters[seq_along(sizes)]
  d$y <- rnorm(nrow(d), 2, .8)
  for (k in names(spread)) {
    g <- interaction(d[strsplit(k, ":")[[1]]], drop = TRUE); d$y <- d$y + spread[[k]] * rnorm(nlevels(g))[g]
  }
  d$y <- round(d$y, 4); d[runif(nrow(d)) > drop, ]
}
cases <- list(
  crossed = list(d = holes(1, c(25, 8), c(a = 1, b = .5), .3), t = c("a", "b")),
  nested = list(d = holes(2, c(12, 4, 4), c(a = .8, "a:b" = .6), .35), t = c("a", "a:b")),
  interactions = list(d = holes(3, c(20, 5, 3), c(a = 1, b = .4, "a:b" = .6, "a:c" = .3), .1),
                      t = c("a", "b", "c", "a:b", "a:c", "b:c")),
  boundary = list(d = holes(4, c(20, 5, 3), c(a = 1), .2), t = c("a", "b", "c", "a:b", "a:c", "b:c")))
out <- list(meta = list(r = R.version.string, lme4 = as.character(packageVersion("lme4"))))
out$unbalanced <- lapply(cases, function(x) c(fit(x$d, x$t), list(rows = as.list(x$d))))
squares <- function(f, d) { a <- anova(lm(f, d)); list(df = a$Df, mean_square = a[["Mean Sq"]]) }
p <- data.frame(y = Penicillin$diameter, a = Penicillin$plate, b = Penicillin$sample)
s <- data.frame(y = sleepstudy$Reaction, a = sleepstudy$Subject)
out$balanced <- list(penicillin = c(fit(p, c("a", "b")), squares(y ~ a + b, p), list(sizes = c(24, 6))),
                     sleepstudy = c(fit(s, "a"), squares(y ~ a, s), list(sizes = c(18, 10))))
write(toJSON(out, digits = I(15), auto_unbox = TRUE), stdout())
