# Makes agreement.json: coefficients of agreement of published tables.
# Run: Rscript agreement.R > agreement.json     (R 4.2.2, psych 2.2.9, jsonlite)
#
# Estimates come from psych where it has them. psych 2.2.9 has a variance of weighted kappa that is wrong
# (2.769e-05 for `vision`; psych 2.5.3 and statsmodels give 7.026e-05), so variances are written out here from
# the formulas of Fleiss, Cohen and Everitt (1969) and Gwet (2008), unit by unit.
# `irr` holds values of irr 0.84.1 (irr::kripp.alpha; irr is not needed to run this script), `irrCAC` those that
# the vignette of irrCAC 1.0 prints.
suppressPackageStartupMessages({library(psych); library(jsonlite)})
quiet <- function(x) suppressWarnings(suppressMessages(x))
out <- list(meta = list(r = R.version.string, psych = as.character(packageVersion("psych"))))

fce <- function(p, w, n) {           # p: joint proportions, w: weights of agreement
  r <- rowSums(p); s <- colSums(p)
  po <- sum(p * w); pe <- sum(outer(r, s) * w)
  wi <- as.vector(w %*% s); wj <- as.vector(r %*% w)
  v <- sum(p * (w * (1 - pe) - outer(wi, wj, "+") * (1 - po))^2) - (po * pe - 2 * pe + po)^2
  list(kappa = (po - pe) / (1 - pe), var = v / (n * (1 - pe)^4))
}
quadratic <- function(c) 1 - outer(1:c, 1:c, "-")^2 / (c - 1)^2
linear <- function(c) 1 - abs(outer(1:c, 1:c, "-")) / (c - 1)

# Stuart (1953): unaided distance vision of 7,477 women, right eye by left eye, four grades.
vision <- matrix(c(1520, 266, 124, 66, 234, 1512, 432, 78, 117, 362, 1772, 205, 36, 82, 179, 492), 4, byrow = TRUE)
p <- vision / sum(vision)
k <- quiet(cohen.kappa(p, n.obs = sum(vision)))
out$vision <- list(counts = vision, kappa = k$kappa, weighted = k$weighted.kappa, unweighted_fce = fce(p, diag(4), sum(vision)),
                   quadratic_fce = fce(p, quadratic(4), sum(vision)), linear_fce = fce(p, linear(4), sum(vision)))

# The example of ?cohen.kappa.
x <- c(1, 2, 3, 4, 5, 6, 7, 8, 9); y <- c(1, 3, 1, 6, 1, 5, 5, 6, 7)
k <- quiet(cohen.kappa(cbind(x, y)))
out$help <- list(x = x, y = y, kappa = k$kappa, weighted = k$weighted.kappa)

# Shrout and Fleiss (1979): Kendall's W from Friedman's test (ties corrected), Lin's coefficient, differences.
sf <- matrix(c(9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7), 6, byrow = TRUE)
f <- friedman.test(t(sf))
ccc <- function(a, b) { n <- length(a); 2 * cov(a, b) * (n - 1) / n / ((var(a) + var(b)) * (n - 1) / n + (mean(a) - mean(b))^2) }
d <- sf[, 1] - sf[, 2]; test <- t.test(d)
n <- length(d); z <- qnorm(.975)
upper <- mean(d) + suppressWarnings(qt(c(.025, .975), n - 1, ncp = z * sqrt(n))) * sd(d) / sqrt(n)
out$shrout_fleiss <- list(
  w = unname(f$statistic) / (4 * 5), chi2 = unname(f$statistic), df = unname(f$parameter), p = f$p.value,
  ccc = c(ccc(sf[, 1], sf[, 2]), ccc(sf[, 1], sf[, 4])),
  difference = list(mean = mean(d), low = test$conf.int[1], high = test$conf.int[2], se = unname(test$stderr)),
  limits = mean(d) + c(-1, 1) * z * sd(d), upper = upper, lower = 2 * mean(d) - rev(upper),
  severity = unname(colMeans(sf) - mean(sf)),
  discrimination = sapply(1:4, function(j) cor(sf[, j], rowMeans(sf[, -j])))
)

# Gwet (2008), raw ratings without holes: variance unit by unit.
ac <- function(x, w) {
  q <- sort(unique(as.vector(x))); r <- t(apply(x, 1, function(u) table(factor(u, q)))); m <- ncol(x); n <- nrow(x); c <- length(q)
  pa_i <- rowSums(r * (r %*% w - 1)) / (m * (m - 1)); pi <- colMeans(r / m); t <- sum(w) / (c * (c - 1))
  pe <- t * sum(pi * (1 - pi)); pa <- mean(pa_i); g <- (pa - pe) / (1 - pe)
  pe_i <- t * as.vector((r / m) %*% (1 - pi)); g_i <- (pa_i - pe) / (1 - pe) - 2 * (1 - g) * (pe_i - pe) / (1 - pe)
  fl_e <- sum(pi^2)
  list(value = g, se = sqrt(sum((g_i - g)^2) / (n * (n - 1))), fleiss = (mean(rowSums(r * (r - 1))) / (m * (m - 1)) - fl_e) / (1 - fl_e))
}
set.seed(1)
u <- rnorm(25); ratings <- sapply(1:4, function(j) findInterval(u + .8 * rnorm(25), c(-1, -.3, .3, 1)) + 1)
out$gwet <- list(ratings = ratings, ac1 = ac(ratings, diag(5)), ac2 = ac(ratings, quadratic(5)))

out$krippendorff_irr <- list(nominal = 0.743421052631579, ordinal = 0.815387503754881, interval = 0.849107142857143, ratio = 0.797402774711612)
out$abstractors_irrCAC <- list(counts = matrix(c(13, 0, 0, 0, 20, 7, 0, 4, 56), 3, byrow = TRUE), kappa = 0.7964094, kappa_se = 0.05891072,
                               ac1 = 0.8493305, ac1_se = 0.04321747, pi = 0.7962397, pi_se = 0.05905473, krippendorff = 0.7972585)
write(toJSON(out, digits = I(17), auto_unbox = TRUE, pretty = TRUE), stdout())
