# Values of R for ordered answers: thresholds, polychoric, tetrachoric and polyserial correlations, and n times their
# covariance. Simulated data, rounded so that the file holds what R saw.
# Rscript ordinal.R > ordinal.json      (R 4.2.2, lavaan 0.6-14, psych 2.2.9, polycor 0.8-1, jsonlite)
suppressPackageStartupMessages({library(lavaan); library(psych); library(polycor); library(jsonlite)})
set.seed(20261121)
n <- 400
f <- rnorm(n)
cuts <- list(c(0.2), c(-0.5, 0.8), c(-1.2, -0.3, 0.4, 1.3), c(-0.9, 0.1, 0.9), c(-1.5, -0.6, 0.2, 1.0))
load <- c(0.8, 0.6, -0.7, 0.5, 0.85)
x <- sapply(seq_along(cuts), function(j) findInterval(load[j] * f + sqrt(1 - load[j]^2) * rnorm(n), cuts[[j]]))
colnames(x) <- letters[1:5]
x <- as.data.frame(x)
holes <- x
for (j in 1:5) holes[sample(n, 30), j] <- NA

moments <- function(d, missing) {
  pairs <- paste(apply(combn(names(d), 2), 2, paste, collapse = "~~"), collapse = "\n")
  fit <- suppressWarnings(cfa(pairs, data = d, ordered = names(d), estimator = "WLSMV", missing = missing,
                              conditional.x = FALSE))
  list(n = lavInspect(fit, "nobs"), observed = as.numeric(fit@SampleStats@WLS.obs[[1]]),
       gamma = unname(unclass(fit@SampleStats@NACOV[[1]])))
}

two <- polychor(x$c, x$e, std.err = TRUE)
tables <- list(matrix(c(40, 10, 20, 30), 2), matrix(c(100, 25, 25, 50), 2), matrix(c(5, 1, 20, 300), 2),
               matrix(c(44268, 193, 14, 0), 2))
tetra <- lapply(tables, function(m) list(
  table = unname(m),
  correct_0 = if (min(m) > 0) suppressMessages(tetrachoric(m, correct = 0)$rho) else NULL,
  correct_half = suppressMessages(tetrachoric(m, correct = 0.5)$rho)))

y <- data.frame(u = round(0.7 * f + 0.6 * rnorm(n), 4), v = round(0.3 * f + rnorm(n), 4))
serial <- lapply(c("u", "v"), function(name) lapply(c("a", "e"), function(item) {
  z <- y[[name]]
  list(continuous = name, ordered = item, two_step = as.numeric(polyserial(z, x[[item]], std.err = TRUE)$rho),
       closed = as.numeric(psych::polyserial(as.matrix(z), as.matrix(x[[item]]))))
}))

bad <- matrix(c(1, 0.9, 0.2, 0.9, 1, 0.9, 0.2, 0.9, 1), 3)
cat(toJSON(list(
  data = as.matrix(x), holes = as.matrix(holes), complete = moments(x, "listwise"), pairwise = moments(holes, "pairwise"),
  psych = unname(suppressWarnings(suppressMessages(psych::polychoric(x, correct = 0)$rho))),
  normality = list(pair = c("c", "e"), rho = two$rho, chisq = two$chisq, df = two$df),
  tetrachoric = tetra, continuous = y, polyserial = do.call(c, serial),
  smooth = list(before = bad, after = suppressWarnings(cor.smooth(bad)))),
  digits = I(12), auto_unbox = TRUE, na = "null", null = "null"), "\n")
