# Makes graded.json: graded response models by mirt (marginal maximum likelihood by EM, 61 rectangular nodes from -6 to 6).
# science: ltm::Science, items Comfort, Work, Future, Benefit, coded 1 to 4 (392 rows); bfiN: psychTools::bfi, items N1 to N5
# and gender, complete rows (2694).   Run: Rscript graded.R > graded.json     (R 4.2.2, mirt 1.45.1, ltm 1.2.0, jsonlite)
suppressPackageStartupMessages({library(mirt); library(jsonlite)})
science <- sapply(ltm::Science[c("Comfort", "Work", "Future", "Benefit")], as.integer)
bfi <- psychTools::bfi; N <- na.omit(bfi[c(paste0("N", 1:5), "gender")])[1:5]
one <- function(data, tol) {
  m <- mirt(data, 1, itemtype = "graded", SE = TRUE, TOL = tol, technical = list(NCYCLES = 5000), verbose = FALSE)
  d <- coef(m, simplify = TRUE)$items; b <- coef(m, simplify = TRUE, IRTpars = TRUE)$items
  list(log_likelihood = extract.mirt(m, "logLik"), a = d[, 1], d = unname(d[, -1]), b = unname(b[, -1]),
       eap = unname(fscores(m, full.scores.SE = TRUE)[1:10, ])) }
found <- list(science = one(science, 1e-7), bfiN = one(N, 1e-6)); found$bfiN$eap <- NULL
cat(toJSON(found, digits = NA, auto_unbox = TRUE))
