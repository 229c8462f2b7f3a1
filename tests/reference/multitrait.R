# Reference values for multitrait-multimethod models: lavaan 0.6-14, semTools, psych 2.2.9 (R 4.2.2; MASS, jsonlite).
# Run in this folder: Rscript multitrait.R
suppressPackageStartupMessages({library(lavaan); library(semTools); library(jsonlite)})
set.seed(20261121)
n <- 240
phi <- matrix(c(1, .4, -.2, .4, 1, .1, -.2, .1, 1), 3)
trait <- MASS::mvrnorm(n, rep(0, 3), phi)
method <- MASS::mvrnorm(n, rep(0, 3), diag(3))
x <- NULL
for (m in 1:3) for (t in 1:3) {
  score <- c(.8, .7, .75)[t] * trait[, t] + c(.15, .4, .45)[m] * method[, m] + .3 * rnorm(n)
  for (i in 1:4) x <- cbind(x, round(pmin(7, pmax(1, 4 + 1.1 * score + .9 * rnorm(n)))))
}
colnames(x) <- sprintf("m%d_t%d_i%d", rep(1:3, each = 12), rep(rep(1:3, each = 4), 3), rep(1:4, 9))
unit <- function(m, t) x[, sprintf("m%d_t%d_i%d", m, t, 1:4)]
scores <- NULL; parcels <- NULL
for (m in 1:3) for (t in 1:3) {
  scores <- cbind(scores, rowMeans(unit(m, t)))
  parcels <- cbind(parcels, rowMeans(unit(m, t)[, c(1, 3)]), rowMeans(unit(m, t)[, c(2, 4)]))
}
colnames(scores) <- paste0("y", 1:9)
colnames(parcels) <- sprintf("y%d_%d", rep(1:9, each = 2), 1:2)
traits <- "t1 =~ y1 + y4 + y7\nt2 =~ y2 + y5 + y8\nt3 =~ y3 + y6 + y9\n"
apart <- function(m) paste(sprintf("t%d ~~ 0*%s", 1:3, m), collapse = "\n")
two <- "m2 =~ y4 + y5 + y6\nm3 =~ y7 + y8 + y9\n"
pairs <- function(v) paste(apply(combn(v, 2), 2, paste, collapse = " ~~ "), collapse = "\n")
models <- list(
  ctc_m1 = paste0(traits, two, apart("m2"), "\n", apart("m3")),
  ct_cm = paste0(traits, "m1 =~ y1 + y2 + y3\n", two, apart("m1"), "\n", apart("m2"), "\n", apart("m3")),
  ct_cu = paste0(traits, pairs(paste0("y", 1:3)), "\n", pairs(paste0("y", 4:6)), "\n", pairs(paste0("y", 7:9)))
)
part <- function(units) paste(sprintf("y%d_%d", rep(units, each = 2), 1:2), collapse = " + ")
own <- ""
for (t in 1:3) own <- paste0(own, sprintf("t%d =~ %s\n", t, part(c(t, t + 3, t + 6))))
for (m in 2:3) for (t in 1:3)
  own <- paste0(own, sprintf("m%d_%d =~ %s\nt%d ~~ 0*m%d_%d\n", m, t, part((m - 1) * 3 + t), t, m, t))
values <- function(text, data, ...) {
  fit <- suppressWarnings(cfa(text, as.data.frame(data), estimator = "MLR", std.lv = TRUE, ...))
  s <- standardizedSolution(fit)
  s <- s[s$op %in% c("=~", "~~"), ]
  list(converged = lavInspect(fit, "converged"), proper = suppressWarnings(lavInspect(fit, "post.check")),
       fit = as.list(fitMeasures(fit, c("chisq.scaled", "df", "pvalue.scaled", "cfi.robust", "tli.robust", "rmsea.robust",
                                        "rmsea.ci.lower.robust", "rmsea.ci.upper.robust", "srmr", "aic", "bic"))),
       std = list(lhs = s$lhs, op = s$op, rhs = s$rhs, est = s$est.std, se = s$se))
}
holes <- scores
holes[cbind(seq(3, n, 8), rep(1:9, length.out = 30))] <- NA
fits <- lapply(models, values, data = scores)
fits$ctc_m1_parcels <- values(own, parcels)
fits$ctc_m1_holes <- values(models$ctc_m1, holes, missing = "fiml")
items <- function(m) paste(sapply(1:3, function(t) sprintf("t%d =~ %s", t, paste(colnames(unit(m, t)), collapse = " + "))), collapse = "\n")
ratio <- function(text, data, version) unclass(suppressWarnings(htmt(text, as.data.frame(data), htmt2 = version)))
hetero <- list()
for (v in c(FALSE, TRUE)) {
  key <- if (v) "htmt2" else "htmt"
  hetero[[key]] <- list(items1 = ratio(items(1), x, v)[lower.tri(diag(3))], items3 = ratio(items(3), x, v)[lower.tri(diag(3))],
                        scores = ratio(traits, scores, v)[lower.tri(diag(3))])
}
alpha <- sapply(1:3, function(m) sapply(1:3, function(t) suppressWarnings(psych::alpha(unit(m, t), check.keys = FALSE))$total$raw_alpha))
out <- list(made_with = paste("lavaan", packageVersion("lavaan"), "semTools", packageVersion("semTools"), "psych", packageVersion("psych")),
            items = colnames(x), x = unname(split(x, seq_len(n))), holes = unname(which(is.na(holes), arr.ind = TRUE)),
            pearson = cor(scores), spearman = cor(scores, method = "spearman"), alpha = as.vector(alpha),
            fits = fits, hetero = hetero)
write_json(out, "multitrait.json", digits = 12, auto_unbox = TRUE, na = "null")
print(sapply(fits, function(f) c(f$converged, f$proper, f$fit$chisq.scaled, f$fit$df)))
print(hetero)
