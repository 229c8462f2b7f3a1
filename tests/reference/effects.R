# Reference values for sizes of effects and their pooling (R 4.2.2, metafor; jsonlite to write them).
# Run in this folder: Rscript effects.R > effects.json
suppressMessages({library(jsonlite); library(metafor)})

x <- c(4.2, 3.9, 4.8, 4.4, 3.1, 4.6, 5.0, 4.1, 3.7)
y <- c(3.0, 3.3, 2.6, 4.1, 3.5, 2.9, 3.8)
a <- c(3.2, 2.8, 4.1, 3.0, 2.2, 3.7, 2.9, 3.4, 3.9, 3.1)
b <- c(3.5, 2.9, 4.4, 3.6, 2.1, 4.2, 2.6, 3.3, 4.3, 3.9)

limits <- function(t, df) {
  root <- function(p) uniroot(function(d) pt(t, df, d) - p, c(t - 12, t + 12), tol = 1e-13)$root
  c(root(.975), root(.025))
}
es <- function(vtype, measure = "SMD", ...) escalc(measure = measure, vtype = vtype, ...)
n <- c(length(x), length(y))
df <- sum(n) - 2
sp <- sqrt(((n[1] - 1) * var(x) + (n[2] - 1) * var(y)) / df)
d <- (mean(x) - mean(y)) / sp
h <- sqrt(sum(1 / n))
g <- es("UB", m1i = mean(x), m2i = mean(y), sd1i = sd(x), sd2i = sd(y), n1i = n[1], n2i = n[2])
dif <- b - a
dz <- mean(dif) / sd(dif)
welch <- t.test(x, y)
paired <- t.test(b, a, paired = TRUE)
wilcox <- suppressWarnings(wilcox.test(round(b - a, 1), exact = FALSE))
group <- factor(rep(1:3, c(7, 9, 5)))
scores <- c(3.1, 2.7, 3.6, 3.3, 2.9, 3.0, 3.4, 4.2, 2.1, 5.0, 3.9, 1.8, 4.6, 3.5, 4.4, 2.9, 3.2, 3.9, 3.5, 3.7, 4.1)
table <- anova(lm(scores ~ group))
ss <- table$`Sum Sq`
u <- outer(x, y, function(p, q) (p > q) + (p == q) / 2)

effects <- c(.42, .95, -.10, .61, .33, 1.20, .05)
variances <- c(.04, .09, .02, .12, .05, .15, .03)
pooled <- function(yi, vi) {
  fit <- rma(yi, vi, method = "REML", test = "knha", control = list(threshold = 1e-12, maxiter = 1000))
  ci <- confint(fit, control = list(tol = 1e-12))$random
  p <- predict(fit)
  list(effects = yi, variances = vi, estimate = c(fit$b), se = fit$se, ci = c(fit$ci.lb, fit$ci.ub),
       t = fit$zval, p = fit$pval, pi = c(p$pi.lb, p$pi.ub), tau2 = ci["tau^2", ], I2 = ci["I^2(%)", ] / 100,
       Q = fit$QE, Qp = fit$QEp)
}
repeated <- cbind(a, b, c = c(3.9, 2.1, 4.6, 3.2, 3.4, 4.0, 2.2, 4.4, 4.1, 5.0), d = c(3.3, 2.9, 4.0, 2.6, 2.0, 4.4, 3.0, 3.7, 4.0, 2.9))
within <- anova(lm(repeated ~ 1), X = ~1, test = "Spherical")
words <- attr(within, "heading")
epsilon <- as.numeric(sub(".*Greenhouse-Geisser epsilon: *([0-9.]+).*", "\\1", paste(words, collapse = " ")))
write(toJSON(list(
  versions = list(R = as.character(getRversion()), metafor = as.character(packageVersion("metafor"))),
  x = x, y = y, a = a, b = b,
  nct = list(cases = list(c(2.1, 14, 1.3), c(-.7, 5, .4), c(9.5, 40, 8), c(.3, 3, -1.1), c(30, 60, 29)),
             cdf = sapply(list(c(2.1, 14, 1.3), c(-.7, 5, .4), c(9.5, 40, 8), c(.3, 3, -1.1), c(30, 60, 29)),
                          function(z) pt(z[1], z[2], z[3]))),
  welch = list(t = welch$statistic, df = welch$parameter, p = welch$p.value, ci = welch$conf.int),
  paired = list(t = paired$statistic, p = paired$p.value, ci = paired$conf.int),
  d = list(estimate = d, ci = limits(d / h, df) * h),
  g = list(estimate = c(g$yi), se = sqrt(c(g$vi))),
  dz = list(estimate = dz, ci = limits(dz * sqrt(length(dif)), length(dif) - 1) / sqrt(length(dif))),
  glass = (mean(x) - mean(y)) / sd(y),
  superiority = mean(u), wilcoxon_v = wilcox$statistic,
  anova = list(scores = scores, group = as.integer(group) - 1L, F = table$`F value`[1], p = table$`Pr(>F)`[1],
               eta2 = ss[1] / sum(ss),
               omega2 = (ss[1] - table$Df[1] * table$`Mean Sq`[2]) / (sum(ss) + table$`Mean Sq`[2])),
  repeated = list(scores = unname(repeated), F = within$F[1], p = within$`Pr(>F)`[1], p_gg = within$`G-G Pr`[1], epsilon4 = epsilon),
  isotonic = isoreg(c(2.0, 2.4, 2.2, 3.1, 3.0, 3.9))$yf,
  pooled = list(pooled(effects, variances), pooled(c(.31, .35, .28, .33), c(.05, .04, .06, .08)))
), digits = NA, auto_unbox = TRUE, pretty = TRUE), stdout())
