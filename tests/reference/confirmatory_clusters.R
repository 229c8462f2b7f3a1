# Standard errors and tests of lavaan with rows in clusters; makes confirmatory_clusters.json beside it.
# Rscript confirmatory_clusters.R   (lavaan 0.6-14)
suppressPackageStartupMessages({ library(lavaan); library(jsonlite) })
set.seed(20261121)
units <- 40; each <- sample(1:4, units, replace = TRUE); unit <- rep(seq_len(units), each); n <- length(unit)
f <- (matrix(rnorm(2 * units), units)[unit, ] + matrix(rnorm(2 * n), n)) * 0.7
load <- cbind(c(.8, .7, .6, .7, 0, 0, 0, 0), c(0, 0, 0, 0, .7, .8, .6, .5))
x <- round(f %*% t(load) + 0.4 * matrix(rnorm(8 * units), units)[unit, ] + 0.6 * matrix(rnorm(8 * n), n), 2)
holes <- x; holes[seq(5, n, 9), 2] <- NA; holes[seq(3, n, 7), 6] <- NA
model <- "f1 =~ x1 + x2 + x3 + x4\nf2 =~ x5 + x6 + x7 + x8"
values <- function(table, missing) {
  d <- data.frame(table, unit); names(d) <- c(paste0("x", 1:8), "unit")
  fit <- cfa(model, d, estimator = "MLR", cluster = "unit", missing = missing, std.lv = TRUE)
  p <- parameterEstimates(fit); s <- standardizedSolution(fit)
  list(fit = as.list(fitMeasures(fit, c("chisq", "df", "chisq.scaled", "pvalue.scaled", "chisq.scaling.factor", "cfi.scaled", "cfi.robust",
    "tli.robust", "rmsea.scaled", "rmsea.robust", "rmsea.ci.upper.robust", "srmr"))),
    est = p[p$op == "=~", c("lhs", "rhs", "est", "se")], std = s[s$op == "=~", c("lhs", "rhs", "est.std", "se")])
}
write_json(list(version = paste(R.version.string, "lavaan", packageVersion("lavaan")), model = model, unit = unit, x = x, holes = holes,
  complete = values(x, "listwise"), available = values(holes, "fiml")), "confirmatory_clusters.json", dataframe = "columns",
  digits = 12, auto_unbox = TRUE, na = "null")
