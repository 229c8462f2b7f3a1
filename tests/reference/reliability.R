# Makes reliability.json: alpha and item statistics of R's own table `attitude` (30 x 7, datasets),
# complete and with twelve holes, and of six items with one reversed.
# Run: Rscript reliability.R > reliability.json     (R 4.2.2, psych 2.2.9, jsonlite)
suppressPackageStartupMessages({library(psych); library(jsonlite)})
out <- list(meta = list(r = R.version.string, psych = as.character(packageVersion("psych"))))
describe <- function(x) {
  a <- suppressWarnings(psych::alpha(x))
  ci <- psych::alpha.ci(a$total$raw_alpha, n.obs = nrow(x), n.var = ncol(x))
  ci90 <- psych::alpha.ci(a$total$raw_alpha, n.obs = nrow(x), n.var = ncol(x), p.val = .1)
  list(rows = nrow(x), raw = a$total$raw_alpha,
       # pairwise correlations, not the pairwise covariances scaled (psych 2.2.9 does the latter)
       standardized = psych::alpha(cor(x, use = "pairwise"))$total$raw_alpha,
       feldt = c(ci$lower.ci, ci$upper.ci), feldt90 = c(ci90$lower.ci, ci90$upper.ci),
       r_drop = a$item.stats$r.drop, alpha_drop = a$alpha.drop$raw_alpha,
       mean = a$item.stats$mean, sd = a$item.stats$sd, n = a$item.stats$n,
       cov = unname(cov(x, use = "pairwise")), cor = unname(cor(x, use = "pairwise")))
}
x <- datasets::attitude
out$data <- unname(as.matrix(x))
out$attitude <- describe(x)
holes <- rbind(c(1, 1), c(2, 1), c(3, 2), c(5, 4), c(5, 5), c(8, 7), c(11, 3), c(14, 6), c(20, 1), c(21, 7), c(30, 2), c(30, 3))
for (i in seq_len(nrow(holes))) x[holes[i, 1], holes[i, 2]] <- NA
out$holes <- holes
out$attitude_holes <- describe(x)
out$attitude_complete <- describe(na.omit(x))
y <- datasets::attitude[, c("complaints", "critical")]
out$two_items <- list(raw = psych::alpha(y)$total$raw_alpha, r = cor(y)[1, 2])
write(toJSON(out, digits = I(17), auto_unbox = TRUE, pretty = TRUE), stdout())
