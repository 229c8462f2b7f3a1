# Rotations of the ML loadings of Harman's 24 tests (datasets::Harman74.cor), for tests/numerics/rotations.
# R 4.2.2, GPArotation, psych 2.2.9. Run: Rscript rotations.R > rotations.json
suppressPackageStartupMessages({library(GPArotation); library(psych); library(jsonlite)})
A <- unclass(factanal(covmat = Harman74.cor, factors = 4, rotation = "none", control = list(nstart = 3))$loadings)
attr(A, "dimnames") <- NULL
m <- function(x) { x <- unclass(x); dimnames(x) <- NULL; x }
keep <- function(q) list(loadings = m(q$loadings), phi = if (is.null(q$Phi)) diag(4) else m(q$Phi),
                         value = tail(as.numeric(q$Table[, 2]), 1))
out <- list(input = A, gpa = list())
plain <- c(varimax = "Varimax", quartimax = "quartimax", geomin_orthogonal = "geominT", bentler_orthogonal = "bentlerT",
           bifactor_orthogonal = "bifactorT", quartimin = "quartimin", geomin = "geominQ", bentler = "bentlerQ",
           bifactor = "bifactorQ")
for (name in names(plain)) for (kaiser in c(FALSE, TRUE)) {
  f <- get(plain[[name]], envir = asNamespace("GPArotation"))
  q <- suppressWarnings(f(A, normalize = kaiser, eps = 1e-6, maxit = 1000))
  out$gpa[[paste0(name, if (kaiser) ".kaiser" else "")]] <- keep(q)
}
cf <- function(kappa) suppressWarnings(cfT(A, kappa = kappa, eps = 1e-6, maxit = 1000))
out$gpa$equamax <- keep(cf(4 / (2 * 24)))
out$gpa$parsimax <- keep(cf(3 / (24 + 4 - 2)))
out$gpa$oblimin_minus_1 <- keep(suppressWarnings(oblimin(A, gam = -1, eps = 1e-6, maxit = 1000)))
# A target: zeros where the varimax loading is small, nothing said elsewhere; and one that says everything.
V <- m(varimax(A, eps = 1e-12)$loadings)
full <- ifelse(abs(V) > 0.4, V, 0)
part <- ifelse(abs(V) > 0.25, NA, 0)
out$full <- full
out$part <- ifelse(is.na(part), 99, part)
W <- ifelse(is.na(part), 0, 1)
part[is.na(part)] <- 0
out$gpa$target_orthogonal <- keep(suppressWarnings(targetT(A, Target = full, eps = 1e-6, maxit = 1000)))
out$gpa$target <- keep(suppressWarnings(targetQ(A, Target = full, eps = 1e-6, maxit = 1000)))
out$gpa$part_orthogonal <- keep(suppressWarnings(pstT(A, W = W, Target = part, eps = 1e-6, maxit = 1000)))
out$gpa$part <- keep(suppressWarnings(pstQ(A, W = W, Target = part, eps = 1e-6, maxit = 1000)))
out$stats <- list(
  varimax = m(varimax(A, normalize = TRUE, eps = 1e-14)$loadings),
  varimax_raw = m(varimax(A, normalize = FALSE, eps = 1e-14)$loadings),
  promax_first = m(promax(varimax(A, normalize = TRUE, eps = 1e-14)$loadings, m = 4)$loadings),
  promax_none = {x <- m(varimax(A, normalize = FALSE, eps = 1e-14)$loadings)
    U <- unname(lm.fit(x, x * abs(x)^3)$coefficients); x %*% U %*% diag(sqrt(diag(solve(t(U) %*% U))))},
  promax_3 = m(promax(varimax(A, normalize = TRUE, eps = 1e-14)$loadings, m = 3)$loadings))
h <- sqrt(rowSums(A^2))
both <- promax(varimax(A / h, normalize = FALSE, eps = 1e-14)$loadings, m = 4)
out$stats$promax_both <- m(both$loadings) * h
P <- psych::kaiser(A, rotate = "Promax")
out$psych <- list(promax = m(P$loadings), promax_phi = m(P$Phi))
T1 <- psych::target.rot(V, full)
out$psych$target_rot <- list(loadings = m(T1$loadings), phi = m(T1$Phi))
out$psych$congruence <- m(psych::factor.congruence(V, A, digits = 12))
out$version <- list(R = R.version.string, GPArotation = as.character(packageVersion("GPArotation")),
                    psych = as.character(packageVersion("psych")))
cat(toJSON(out, digits = 12, auto_unbox = TRUE))
