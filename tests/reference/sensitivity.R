# Reference values for the comparison of levels, with base R only (R 4.2.2; jsonlite to write them).
# Run in this folder: Rscript sensitivity.R > sensitivity.json
library(jsonlite)

# Nine respondents who met four levels; typed in, made up for this purpose.
within <- rbind(
  c(3.2, 3.5, 3.1, 4.0),
  c(2.8, 2.9, 3.3, 3.1),
  c(4.1, 4.4, 3.9, 4.6),
  c(3.0, 3.6, 2.7, 3.9),
  c(2.2, 2.1, 2.4, 2.9),
  c(3.7, 4.2, 3.6, 4.1),
  c(2.9, 2.6, 3.0, 3.8),
  c(3.4, 3.3, 3.5, 3.2),
  c(3.9, 4.3, 4.0, 4.8)
)
# Three groups of different respondents, of unequal size and spread.
scores <- c(3.1, 2.7, 3.6, 3.3, 2.9, 3.0, 3.4,
            4.2, 2.1, 5.0, 3.9, 1.8, 4.6, 3.5, 4.4, 2.9,
            3.2, 3.9, 3.5, 3.7, 4.1)
group <- rep(1:3, c(7, 9, 5))

repeated <- anova(lm(within ~ 1), X = ~1, test = "Spherical")
heading <- paste(attr(repeated, "heading"), collapse = " ")
epsilon <- function(name) {
  as.numeric(sub(paste0(".*", name, " epsilon: *([0-9.]+).*"), "\\1", heading))
}
n <- nrow(within)
levels <- ncol(within)
paired <- lapply(1:levels, function(l) {
  t.test(within[, l], rowMeans(within[, -l, drop = FALSE]), paired = TRUE)
})
welch <- lapply(1:3, function(g) t.test(scores[group == g], scores[group != g]))
two <- t.test(scores[group == 1], scores[group == 2])
means <- lapply(1:3, function(g) t.test(scores[group == g]))

# Brunner, Dette and Munk (1997), equations of section 2, from matrices.
size <- as.numeric(table(group))
v <- diag(tapply(scores, group, var) / size)
centring <- diag(3) - 1 / 3
m <- tapply(scores, group, mean)
trace <- function(a) sum(diag(a))
tv <- trace(centring %*% v)
bdm <- list(
  statistic = as.numeric(t(m) %*% centring %*% m) / tv,
  df = tv^2 / trace(centring %*% v %*% centring %*% v),
  df2 = tv^2 / trace((centring * diag(3))^2 %*% v^2 %*% solve(diag(size - 1)))
)
bdm$p_value <- pf(bdm$statistic, bdm$df, bdm$df2, lower.tail = FALSE)

# Noncentrality limits, each root found by uniroot on pf(..., ncp).
limits <- function(f, df1, df2, level) {
  tail <- (1 - level) / 2
  root <- function(share) {
    if (pf(f, df1, df2, ncp = 0) <= share) return(0)
    uniroot(function(ncp) pf(f, df1, df2, ncp = ncp) - share, c(0, 1000), tol = 1e-11)$root
  }
  c(root(1 - tail), root(tail))
}
cases <- list(c(5, 4, 95, .95), c(1.2, 4, 95, .95), c(.05, 4, 95, .95), c(30, 1, 18, .9), c(2.31, 2.6, 41.7, .99))

tests <- function(x) {
  list(
    estimate = sapply(x, function(t) if (length(t$estimate) == 2) t$estimate[[1]] - t$estimate[[2]] else t$estimate[[1]]),
    statistic = sapply(x, function(t) t$statistic[[1]]),
    df = sapply(x, function(t) t$parameter[[1]]),
    p_value = sapply(x, function(t) t$p.value),
    low = sapply(x, function(t) t$conf.int[1]),
    high = sapply(x, function(t) t$conf.int[2])
  )
}
# Bonett (2006), equations 4 and 5.
bonett <- function(x, level) {
  n <- length(x)
  z <- qnorm(1 - (1 - level) / 2)
  centre <- mean(x, trim = 1 / (2 * sqrt(n - 4)))
  kurtosis <- n * sum((x - centre)^4) / sum((x - mean(x))^2)^2
  se <- n / (n - z) * sqrt((kurtosis - (n - 3) / n) / (n - 1))
  sqrt(exp(log(n / (n - z) * var(x)) + c(-1, 1) * z * se))
}

p <- c(.01, .04, .03, .005, .2, .04)
cat(toJSON(list(
  version = R.version.string,
  within = within, scores = scores, group = group,
  repeated = list(
    statistic = repeated[1, "F"], df = repeated[1, "num Df"], df2 = repeated[1, "den Df"],
    epsilon_gg = epsilon("Greenhouse-Geisser"), epsilon_hf = epsilon("Huynh-Feldt"),
    p_spherical = repeated[1, "Pr(>F)"], p_gg = repeated[1, "G-G Pr"], p_hf = repeated[1, "H-F Pr"]
  ),
  paired = tests(paired), welch = tests(welch), means = tests(means),
  two = list(t_squared = two$statistic[[1]]^2, df2 = two$parameter[[1]], p_value = two$p.value),
  bdm = bdm,
  noncentral = list(cases = do.call(rbind, cases), limits = do.call(rbind, lapply(cases, function(x) limits(x[1], x[2], x[3], x[4])))),
  sd = list(estimate = sd(scores), limits = bonett(scores, .95), short = bonett(scores[1:6], .9)),
  adjust = list(p = p, holm = p.adjust(p, "holm"), bh = p.adjust(p, "BH"))
), auto_unbox = TRUE, digits = 15, pretty = TRUE), "\n")
