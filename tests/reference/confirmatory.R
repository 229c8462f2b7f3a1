# Reference values for confirmatory models: lavaan 0.6-14 on tables drawn here (R 4.2.2; MASS, jsonlite).
# Run in this folder: Rscript confirmatory.R
suppressPackageStartupMessages({library(lavaan); library(jsonlite)})
set.seed(20261121)
n <- 160
phi <- matrix(c(1, .5, .3, .5, 1, .4, .3, .4, 1), 3)
f <- MASS::mvrnorm(n, rep(0, 3), phi)
load <- c(.8, .7, .6, .75, .65, .55, .7, .6, .5)
x <- sapply(1:9, function(j) load[j] * f[, (j - 1) %/% 3 + 1] + sqrt(1 - load[j]^2) * (rchisq(n, 3) - 3) / sqrt(6))
x <- round(sweep(x, 2, seq(1, 3, length.out = 9), "+"), 2)
colnames(x) <- paste0("x", 1:9)
holes <- x
holes[cbind(rep(seq(3, n, 5), length.out = 60), rep(1:9, length.out = 60))] <- NA
group <- rep(c("a", "b"), times = c(70, 90))
m <- 260
g <- MASS::mvrnorm(m, c(0, 0), matrix(c(1, .45, .45, 1), 2))
y <- sapply(1:8, function(j) {
  z <- .7 * g[, (j - 1) %/% 4 + 1] + sqrt(.51) * rnorm(m)
  cuts <- if (j == 3) .3 else if (j %% 2) c(-1, 0, .8) else c(-.6, .4, 1.3)
  findInterval(z, cuts)
})
colnames(y) <- paste0("y", 1:8)
gaps <- y
gaps[cbind(rep(seq(2, m, 7), length.out = 40), rep(1:8, length.out = 40))] <- NA
X <- cbind(as.data.frame(x), group = group); H <- as.data.frame(holes); Y <- as.data.frame(y); G <- as.data.frame(gaps)
three <- "f1 =~ x1 + x2 + x3\nf2 =~ x4 + x5 + x6\nf3 =~ x7 + x8 + x9"
tied <- "f1 =~ x1 + a*x2 + b*x3\nf2 =~ x4 + c*x5 + a*x6\nf3 =~ x7 + x8 + x9\nx8 ~~ v*x8\nx9 ~~ v*x9\nb == 0.5*a + 0.25\nd := a*b - sqrt(c)\ne := d^2 + v"
odd <- "f1 =~ NA*x1 + x2 + x3 + 0.2*x9\nf2 =~ x4 + x5 + x6\nf3 =~ x7 + x8 + x9\nf1 ~~ 1*f1\nf1 ~~ 0*f3\nx1 ~~ x4"
path <- "f1 =~ x1 + x2 + x3\nf2 =~ x4 + x5 + x6\nf3 =~ x7 + x8 + x9\nf3 ~ f1 + f2"
second <- paste0(three, "\ng =~ f1 + f2 + f3")
two <- "g1 =~ y1 + y2 + y3 + y4\ng2 =~ y5 + y6 + y7 + y8"
two_tied <- "g1 =~ y1 + a*y2 + y3 + a*y4\ng2 =~ y5 + y6 + y7 + y8\ny1 ~~ y5\ny1 | t1 + u*t2\ny5 | t1 + u*t2"
ord <- names(Y)
fits <- list(
  ml = cfa(three, X), ml_means = cfa(three, X, meanstructure = TRUE), ml_std_lv = cfa(three, X, std.lv = TRUE),
  wishart = cfa(three, X, likelihood = "wishart"), tied_ml = cfa(tied, X), tied_mlr = cfa(tied, X, estimator = "MLR"),
  tied_mlm = cfa(tied, X, estimator = "MLM"), odd_ml = cfa(odd, X), path_mlr = cfa(path, X, estimator = "MLR"),
  second_ml = cfa(second, X), mlf = cfa(three, X, estimator = "MLF"), gls = cfa(three, X, estimator = "GLS"),
  uls = cfa(three, X, estimator = "ULS"), wls = cfa(three, X, estimator = "WLS"), dwls = cfa(three, X, estimator = "DWLS"),
  fiml = cfa(three, H, missing = "fiml"), fiml_mlr = cfa(tied, H, missing = "fiml", estimator = "MLR"),
  groups_ml = cfa(three, X, group = "group", meanstructure = TRUE),
  groups_loadings = cfa(three, X, group = "group", group.equal = "loadings"),
  groups_scalar_mlr = cfa(three, X, group = "group", group.equal = c("loadings", "intercepts"), estimator = "MLR"),
  wlsmv = cfa(two, Y, ordered = ord), wlsmv_std_lv = cfa(two, Y, ordered = ord, std.lv = TRUE),
  wlsmv_theta = cfa(two, Y, ordered = ord, parameterization = "theta"), wlsm = cfa(two, Y, ordered = ord, estimator = "WLSM"),
  ulsmv = cfa(two, Y, ordered = ord, estimator = "ULSMV"), dwls_ordinal = cfa(two, Y, ordered = ord, estimator = "DWLS"),
  wlsmv_tied = cfa(two_tied, Y, ordered = ord), wlsmv_gaps = cfa(two, G, ordered = ord, missing = "pairwise"),
  wlsmv_groups = cfa(two, cbind(Y, group = rep(c("a", "b"), each = m / 2)), ordered = ord, group = "group")
)
values <- function(fit) {
  p <- parameterEstimates(fit, remove.nonfree = FALSE, remove.system.eq = TRUE, remove.eq = TRUE)
  s <- standardizedSolution(fit)
  keep <- function(d, est) {
    d <- d[d$op %in% c("=~", "~~", "~", "~1", "|", ":="), ]
    list(lhs = d$lhs, op = d$op, rhs = d$rhs, group = if (is.null(d$group)) rep(1, nrow(d)) else d$group, est = d[[est]], se = d$se)
  }
  list(fit = as.list(unclass(fitMeasures(fit))), est = keep(p, "est"), std = keep(s, "est.std"))
}
out <- lapply(fits, values)
mi <- function(fit) { d <- modindices(fit); d <- d[order(-d$mi), ][1:12, ]; list(lhs = d$lhs, op = d$op, rhs = d$rhs, mi = d$mi, epc = d$epc, lv = d$sepc.lv, all = d$sepc.all) }
out$odd_ml$mi <- mi(fits$odd_ml); out$wlsmv$mi <- mi(fits$wlsmv); out$fiml$mi <- mi(fits$fiml)
scores <- list(regression = unname(as.matrix(lavPredict(fits$ml)[1:5, ])), bartlett = unname(as.matrix(lavPredict(fits$ml, method = "Bartlett")[1:5, ])))
write_json(list(version = paste(R.version.string, "lavaan", packageVersion("lavaan")), three = three, tied = tied, odd = odd, path = path,
  second = second, two = two, two_tied = two_tied, x = x, holes = holes, group = group, y = y, gaps = gaps, fits = out, scores = scores),
  "confirmatory.json", digits = 12, auto_unbox = TRUE, na = "null", null = "null")
