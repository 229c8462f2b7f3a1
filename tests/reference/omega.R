# Makes omega.json: omega, Schmid-Leiman solutions and confirmatory models of three tables: Thurstone's nine
# tests (correlations, R's psych::Thurstone), R's own `attitude` (30 x 7) and 250 simulated answers to five
# items of four categories.
# Run: Rscript omega.R > omega.json     (R 4.2.2, psych 2.2.9, GPArotation 2022.10.2, lavaan, jsonlite)
suppressPackageStartupMessages({library(psych); library(GPArotation); library(lavaan); library(jsonlite)})
quiet <- function(expr) { sink(nullfile()); on.exit(sink()); suppressMessages(suppressWarnings(expr)) }
out <- list(meta = list(r = R.version.string, psych = as.character(packageVersion("psych")),
  lavaan = as.character(packageVersion("lavaan")), GPArotation = as.character(packageVersion("GPArotation"))))
plain <- function(m) unname(unclass(as.matrix(m)))

R <- unname(as.matrix(psych::Thurstone))
hierarchy <- function(m, nf) {
  o <- quiet(psych::omega(m, nfactors = nf, n.obs = 213, plot = FALSE, flip = FALSE))
  list(total = o$omega.tot, hierarchical = o$omega_h, of_group = o$omega.group$group[-1],
       sl = plain(o$schmid$sl[, 1:(nf + 1)]), u2 = unname(o$schmid$sl[, "u2"]), phi = plain(o$schmid$phi))
}
bifactor <- function(m, n) {
  k <- ncol(m); colnames(m) <- rownames(m) <- paste0("x", 1:k)
  model <- paste0("g =~ ", paste(colnames(m), collapse = "+"), "\nf1 =~ x1+x2+x3\nf2 =~ x4+x5+x6\nf3 =~ x7+x8+x9")
  f <- cfa(model, sample.cov = m, sample.nobs = n, std.lv = TRUE, orthogonal = TRUE, sample.cov.rescale = FALSE)
  L <- lavInspect(f, "est")$lambda
  list(general = unname(L[, 1]), group = unname(rowSums(L[, -1])), hierarchical = sum(L[, 1])^2 / sum(m),
       total = sum(colSums(L)^2) / sum(m))
}
colnames(R) <- rownames(R) <- paste0("x", 1:9)
L <- unclass(quiet(fa(R, 3, fm = "ml", rotate = "none", n.obs = 213))$loadings)
kaiser <- oblimin(L, normalize = TRUE, maxit = 5000, eps = 1e-9)
raw <- oblimin(L, normalize = FALSE, maxit = 5000, eps = 1e-9)
tilted <- oblimin(L, gam = -1, normalize = FALSE, maxit = 5000, eps = 1e-9)
out$thurstone <- list(cor = unname(R), three = hierarchy(R, 3), two = hierarchy(R, 2), bifactor = bifactor(R, 213),
  unrotated = plain(L), kaiser = plain(kaiser$loadings), raw = plain(raw$loadings), gamma_minus_1 = plain(tilted$loadings),
  phi_raw = plain(raw$Phi))

x <- datasets::attitude; names(x) <- paste0("i", 1:7)
one <- function(x) {
  f <- cfa(paste0("f =~ ", paste(names(x), collapse = "+")), x, std.lv = TRUE)
  l <- unname(lavInspect(f, "est")$lambda[, 1]); th <- unname(diag(lavInspect(f, "est")$theta))
  S <- cov(x) * (nrow(x) - 1) / nrow(x); s <- l / sqrt(diag(S))
  p <- quiet(psych::omega(x, nfactors = 1, plot = FALSE))
  list(loadings = l, observed = sum(l)^2 / sum(S), implied = sum(l)^2 / (sum(l)^2 + sum(th)),
       H = 1 / (1 + 1 / sum(s^2 / (1 - s^2))), minres = p$omega.tot)
}
test <- factanal(x, 1)
out$attitude <- list(data = plain(x), factanal = list(statistic = unname(test$STATISTIC), df = test$dof,
  p = unname(test$PVAL)), three = quiet(psych::omega(x, nfactors = 3, plot = FALSE, flip = FALSE))$omega_h, one = one(x))

set.seed(20261121)
z <- outer(rnorm(250), c(.8, .7, .6, .5, .65)) + sweep(matrix(rnorm(1250), 250), 2, sqrt(1 - c(.8, .7, .6, .5, .65)^2), "*")
codes <- sapply(1:5, function(j) findInterval(z[, j], c(-.8, .1 * j, 1.2)) + 1); y <- as.data.frame(codes); names(y) <- paste0("i", 1:5)
f <- cfa("f =~ i1+i2+i3+i4+i5", y, ordered = TRUE, std.lv = TRUE)
l <- unname(lavInspect(f, "est")$lambda[, 1]); P <- unname(unclass(lavInspect(f, "sampstat")$cov)); t <- lavInspect(f, "est")$tau[, 1]
cut <- matrix(t, 5, byrow = TRUE)
both <- function(a, b, r) { g <- expand.grid(a, b); sum(pbivnorm::pbivnorm(g[, 1], g[, 2], rep(r, nrow(g)))) - sum(pnorm(a)) * sum(pnorm(b)) }
own <- function(a) sum(pnorm(outer(a, a, pmin))) - sum(pnorm(a))^2
up <- low <- 0
for (i in 1:5) for (j in 1:5) { up <- up + both(cut[i, ], cut[j, ], l[i] * l[j]); low <- low + if (i == j) own(cut[i, ]) else both(cut[i, ], cut[j, ], P[i, j]) }
G <- diag(lavInspect(f, "gamma"))
out$ordinal <- list(data = unname(codes), polychoric = P, loadings = l, omega = up / low,
                    variance = unname(G[grep("~~", rownames(lavInspect(f, "gamma")))]))
write(toJSON(out, digits = I(12), auto_unbox = TRUE, pretty = FALSE), stdout())
