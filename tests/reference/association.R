# Reference values for correlations, with base R only (R 4.2.2; jsonlite to write them).
# Run in this folder: Rscript association.R > association.json
library(jsonlite)

# Typed in, made up for this purpose: untied, and tied as mean scores of few items are.
x <- c(2.1, 3.4, 3.9, 1.7, 4.4, 2.8, 3.1, 4.8, 2.5, 3.6, 1.2, 4.1)
y <- c(30, 41, 55, 28, 47, 52, 33, 60, 44, 39, 21, 58)
tied_x <- c(3, 3.5, 2, 4, 3, 4.5, 2.5, 3, 1.5, 4, 5, 3.5, 2)
tied_y <- c(1, 0, 0, 1, 2, 2, 0, 1, 1, 2, 2, 0, 0)

pearson <- cor.test(x, y)
tied <- cor.test(tied_x, tied_y)
rank_t <- cor.test(tied_x, tied_y, method = "spearman", exact = FALSE)
exact <- lapply(c(4, 5, 7, 8, 9), function(n) cor.test(x[1:n], y[1:n], method = "spearman"))
r <- rank_t$estimate[[1]]
se <- sqrt((1 + r^2 / 2) / (length(tied_x) - 3))
values <- function(t) {
  list(
    estimate = t$estimate[[1]], statistic = t$statistic[[1]], df = t$parameter[[1]],
    p_value = t$p.value, low = t$conf.int[1], high = t$conf.int[2]
  )
}
# t approximation of the test of a rank correlation, as cor.test computes it.
t <- r / sqrt((1 - r^2) / (length(tied_x) - 2))
cat(toJSON(list(
  version = R.version.string,
  x = x, y = y, tied_x = tied_x, tied_y = tied_y,
  pearson = values(pearson), pearson_tied = values(tied),
  spearman_tied = list(
    estimate = r, statistic = t, p_value = rank_t$p.value,
    low = tanh(atanh(r) - qnorm(.975) * se), high = tanh(atanh(r) + qnorm(.975) * se)
  ),
  exact = list(
    n = c(4, 5, 7, 8, 9),
    rho = sapply(exact, function(t) t$estimate[[1]]), p_value = sapply(exact, function(t) t$p.value)
  )
), auto_unbox = TRUE, digits = 15, pretty = TRUE), "\n")
