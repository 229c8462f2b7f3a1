# Values of tests/reference/reliability_classical.json. R 4.2.2, psych 2.2.9; run with Rscript in this folder.
# The greatest lower bounds were made with psych 2.2.9's glb.algebraic and the package Rcsdp, which this
# script does not need otherwise: they are typed into the file from such a run.
suppressPackageStartupMessages({library(psych); library(jsonlite)})
options(digits = 15)
full <- function(m) unname(lapply(seq_len(nrow(m)), function(i) unname(m[i, ])))

# Every split into halves by brute force; psych 2.2.9 looks at half of them where the number is odd.
splits <- function(m) {
  k <- ncol(m)
  apply(combn(k, k %/% 2), 2, function(o) 4 * sum(m[o, -o]) / sum(m))
}
bounds <- function(m) {
  v <- sum(m); off <- m - diag(diag(m)); k <- ncol(m)
  list(lambda1 = 1 - tr(m) / v, lambda2 = (sum(off) + sqrt(sum(off^2) * k / (k - 1))) / v,
       lambda3 = (1 - tr(m) / v) * k / (k - 1), lambda5 = 1 - tr(m) / v + 2 * sqrt(max(colSums(off^2))) / v,
       lambda6 = 1 - sum(1 / diag(solve(m))) / v)
}
x <- attitude
g <- suppressMessages(suppressWarnings(guttman(x)))
s <- splits(cor(x)); sc <- splits(cov(x))
cut5 <- function(v) as.integer(cut(v, quantile(v, 0:5 / 5), include.lowest = TRUE))
codes <- as.data.frame(lapply(x, cut5))
p <- suppressWarnings(polychoric(codes, correct = 0))
a <- alpha(x)$total$raw_alpha
ab <- na.omit(as.data.frame(psychTools::ability))
sa <- splitHalf(ab, check.keys = FALSE)
glb_of_bfi <- c(agree = 0.741917438819671, conscientious = 0.772921993540199, extraversion = 0.795818150917378, neuroticism = 0.848639442539948, openness = 0.657862278404121)
glb_of_thurstone <- 0.935557944116542
turned <- list(agree = "A1", conscientious = c("C4", "C5"), extraversion = c("E1", "E2"),
               neuroticism = character(0), openness = c("O2", "O5"))
one_scale <- function(name) {
  items <- paste0(toupper(substr(name, 1, 1)), 1:5)
  y <- psychTools::bfi[items]; y[turned[[name]]] <- 7 - y[turned[[name]]]; y <- na.omit(y)
  g <- suppressMessages(suppressWarnings(guttman(y)))
  rho <- suppressWarnings(polychoric(y, correct = 0))$rho
  m <- cov(y)
  list(n = nrow(y), cov = full(unname(m)),
       lambda = setNames(g[c("lambda.1", "lambda.2", "lambda.3", "lambda.5", "lambda.6")], c(1, 2, 3, 5, 6)),
       split_max = max(splits(cor(y))), split_min = min(splits(cor(y))), split_mean = mean(splits(cor(y))),
       split_max_2.2.9 = splitHalf(y, check.keys = FALSE)$maxrb, glb = glb_of_bfi[[name]],
       sem_of_the_sum = sd(rowSums(y)) * sqrt(1 - alpha(y)$total$raw_alpha),
       alpha_ordinal = alpha(rho)$total$std.alpha)
}
two <- data.frame(first = rowMeans(x[1:3]), second = rowMeans(x[4:6]))
write_json(list(
  attitude = list(
    guttman = g[c("lambda.1", "lambda.2", "lambda.3", "lambda.5", "lambda.6")],
    covariance = bounds(cov(x)),
    split_r = list(max = max(s), min = min(s), mean = mean(s)),
    split_cov = list(max = max(sc), min = min(sc), mean = mean(sc)),
    sem_of_the_sum = sd(rowSums(x)) * sqrt(1 - a),
    difference = (var(two$first) * alpha(x[1:3])$total$raw_alpha + var(two$second) * alpha(x[4:6])$total$raw_alpha -
                  2 * cov(two$first, two$second)) / var(two$first - two$second),
    codes = full(as.matrix(codes)), polychoric = full(p$rho), alpha_ordinal = alpha(p$rho)$total$std.alpha),
  bfi = sapply(names(turned), one_scale, simplify = FALSE),
  thurstone = list(cor = full(unname(Thurstone)), glb = glb_of_thurstone),
  ability = list(cor = full(cor(ab)), max = sa$maxrb, min = sa$minrb, mean = sa$meanr)
), "reliability_classical.json", digits = NA, auto_unbox = TRUE)
