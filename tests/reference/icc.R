# Makes icc.json: the six intraclass correlations of Shrout and Fleiss (1979, table 2), of R's own
# table `attitude` (30 x 7) and of one with looks that differ only by a constant.
# Run: Rscript icc.R > icc.json     (R 4.2.2, psych 2.2.9, jsonlite)
suppressPackageStartupMessages({library(psych); library(jsonlite)})
out <- list(meta = list(r = R.version.string, psych = as.character(packageVersion("psych"))))
describe <- function(x, alpha) {
  i <- suppressWarnings(suppressMessages(psych::ICC(x, lmer = FALSE, alpha = alpha)))
  list(icc = i$results$ICC, f = i$results$F, df = i$results$df1, df2 = i$results$df2, p = i$results$p,
       low = i$results[["lower bound"]], high = i$results[["upper bound"]],
       mean_squares = unname(unclass(i$stats)[3, ]), within = i$MSW)
}
sf <- matrix(c(9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7), 6, byrow = TRUE)
out$shrout_fleiss <- describe(sf, .05)
out$shrout_fleiss90 <- describe(sf, .10)
out$attitude <- describe(as.matrix(datasets::attitude), .05)
# Negative correlations: targets differ less than their looks do.
neg <- matrix(c(1, 5, 3, 5, 1, 3, 3, 4, 2, 2, 3, 5), 4, byrow = TRUE)
out$negative <- describe(neg, .05)
write(toJSON(out, digits = I(17), auto_unbox = TRUE, pretty = TRUE), stdout())
