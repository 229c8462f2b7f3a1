# Reference values for the parts of a link (R 4.2.2, psych 2.2.9, lavaan 0.6-14; jsonlite to write them).
# Run in this folder: Rscript link_parts.R > link_parts.json
suppressMessages({library(jsonlite); library(psych); library(lavaan)})

# Made up for this purpose: 12 respondents under 4 conditions, two self-reports and a behaviour.
set.seed(20261121)
n <- 12; m <- 4
id <- rep(seq_len(n), each = m)
person <- rnorm(n); other <- rnorm(n)
x <- round(person[id] + rnorm(n * m), 3)
z <- round(0.5 * person[id] + other[id] + rnorm(n * m), 3)
y <- round(0.8 * person[id] - 0.4 * (x - person[id]) + rnorm(n * m), 3)
few_x <- as.integer(cut(x, c(-Inf, -0.8, 0.2, 1, Inf)))
few_y <- as.integer(cut(y, c(-Inf, -0.3, 0.6, Inf)))
two_y <- as.integer(y > 0.2)
frame <- data.frame(id, x, y, z)

# Repeated-measures correlation by analysis of covariance (Bakdash and Marusich 2017, equations 3 and 4).
fit <- lm(y ~ factor(id) + x)
table <- drop1(fit, test = "F")
ss <- table["x", "Sum of Sq"]; rss <- deviance(fit)
within <- sign(coef(fit)[["x"]]) * sqrt(ss / (ss + rss))
df <- fit$df.residual
by_group <- statsBy(frame, "id")

means <- aggregate(cbind(x, y, z) ~ id, frame, mean)
between <- cor.test(means$x, means$y)
rank <- cor.test(means$x, means$y, method = "spearman", exact = FALSE)
rho <- rank$estimate[[1]]
rank_error <- sqrt((1 + rho^2 / 2) / (n - 3))
t <- rho * sqrt((n - 2) / (1 - rho^2))
partial <- partial.r(means[, c("x", "y", "z")], c(1, 2), 3)
tested <- corr.p(partial, n - 1)

# Components of covariance from the mean squares and products of a balanced one-way layout.
both <- summary(manova(cbind(x, y) ~ factor(id), frame))$SS
component <- (both[[1]] / (n - 1) - both[[2]] / (n * (m - 1))) / m
ordered <- function(...) {
  d <- data.frame(...)
  lavCor(d, ordered = names(d)[sapply(d, function(v) length(unique(v)) < 9)])[1, 2]
}
cat(toJSON(list(
  version = R.version.string, id = id, x = x, y = y, z = z, few_x = few_x, few_y = few_y, two_y = two_y,
  within = list(
    estimate = within, df = df, p_value = table["x", "Pr(>F)"],
    low = tanh(atanh(within) - qnorm(.975) / sqrt(df - 1)), high = tanh(atanh(within) + qnorm(.975) / sqrt(df - 1))
  ),
  by_group = list(within = by_group$rwg[1, 2], between = by_group$rbg[1, 2]),
  between = list(
    estimate = between$estimate[[1]], p_value = between$p.value, low = between$conf.int[1], high = between$conf.int[2]
  ),
  between_rho = list(
    estimate = rho, p_value = 2 * pt(-abs(t), n - 2), low = tanh(atanh(rho) - qnorm(.975) * rank_error),
    high = tanh(atanh(rho) + qnorm(.975) * rank_error)
  ),
  partial = list(
    estimate = partial[1, 2], p_value = tested$p[1, 2], low = tested$ci$lower[1], high = tested$ci$upper[1]
  ),
  disattenuated = component[1, 2] / sqrt(component[1, 1] * component[2, 2]),
  polychoric = ordered(few_x, few_y), tetrachoric_both = ordered(as.integer(few_x > 2), two_y),
  polyserial = ordered(x, few_y), biserial = ordered(x, two_y)
), auto_unbox = TRUE, digits = 15, pretty = TRUE), "\n")
