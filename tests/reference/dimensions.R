# Sampling adequacy, MAP, VSS and eigenvalues of Harman's 24 tests (datasets::Harman74.cor, n = 145), for
# tests/numerics/dimensions. R 4.2.2, psych 2.2.9. Run: Rscript dimensions.R > dimensions.json
suppressPackageStartupMessages({library(psych); library(jsonlite)})
R <- unname(Harman74.cor$cov); n <- 145
k <- psych::KMO(R); b <- psych::cortest.bartlett(R, n = n)
v <- psych::vss(R, n = 6, rotate = "varimax", fm = "minres", n.obs = n, plot = FALSE)
one <- psych::fa(R, 1, fm = "minres", n.obs = n)
reduced <- R; diag(reduced) <- psych::smc(R)
ml <- lapply(1:6, function(m) factanal(covmat = R, n.obs = n, factors = m, rotation = "none"))
out <- list(cor = R, kmo = k$MSA, kmo_item = unname(k$MSAi), bartlett = unlist(b, use.names = FALSE),
  map = v$map, vss1 = v$cfit.1, vss2 = v$cfit.2,
  eigen = list(pca = eigen(R)$values, smc = eigen(reduced)$values, minres = one$values),
  chi = sapply(ml, function(f) unname(f$STATISTIC)), df = sapply(ml, function(f) f$dof),
  p = sapply(ml, function(f) unname(f$PVAL)),
  version = list(R = R.version.string, psych = as.character(packageVersion("psych"))))
cat(toJSON(out, digits = 12, auto_unbox = TRUE))
