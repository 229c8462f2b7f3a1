# Makes logistic.json: logistic regressions by glm, and Firth's penalised likelihood maximised by optim, of a table
# simulated here (its rows are written too).   Run: Rscript logistic.R > logistic.json     (R 4.2.2, MASS 7.3-58, jsonlite)
suppressPackageStartupMessages({library(MASS); library(jsonlite)})
set.seed(33)
n <- 90
d <- data.frame(who = rep(1:15, each = 6)); d$a <- round(rnorm(n) + rnorm(15)[d$who], 3); d$b <- round(rnorm(n, 50, 10), 2)
d$y <- rbinom(n, 1, plogis(-.3 + .9 * d$a - .05 * (d$b - 50) + rnorm(15)[d$who]))
tight <- glm.control(epsilon = 1e-14, maxit = 100)
m <- glm(y ~ a + b, binomial, d, control = tight); s <- coef(summary(m))
p <- fitted(m); X <- model.matrix(m); V <- vcov(m)
ame <- function(beta, j) mean(dlogis(X %*% beta)) * beta[j]
slope <- function(j) { h <- 1e-5; sapply(1:3, function(k) { e <- replace(numeric(3), k, h * max(1, abs(coef(m)[k])))
  (ame(coef(m) + e, j) - ame(coef(m) - e, j)) / (2 * sum(e)) }) }
penalised <- function(beta, y, X, fixed = NULL) { if (!is.null(fixed)) beta <- append(beta, 0, fixed - 1)
  q <- plogis(as.vector(X %*% beta)); sum(dbinom(y, 1, q, log = TRUE)) + determinant(t(X) %*% (X * q * (1 - q)))$modulus / 2 }
Z <- cbind(1, scale(d$a), scale(d$b))
maximise <- function(start, ...) { for (i in 1:6) start <- optim(start, function(b) -penalised(b, ...), method = if (length(start) > 1 && i %% 2) "Nelder-Mead" else "BFGS",
  control = list(reltol = 1e-16, maxit = 5000))$par; start }
best <- maximise(c(0, 0, 0), y = d$y, X = Z); top <- penalised(best, d$y, Z)
drop_one <- sapply(2:3, function(k) 2 * (top - penalised(maximise(best[-k], y = d$y, X = Z, fixed = k), d$y, Z, fixed = k)))
jack <- sapply(1:15, function(g) coef(glm(y ~ a + b, binomial, d[d$who != g, ], control = tight)))
ci <- function(m) { r <- suppressMessages(confint(m, level = .95)); unname(r) }
out <- list(meta = list(r = R.version.string, mass = as.character(packageVersion("MASS"))), rows = as.list(d),
  coefficient = unname(coef(m)), std_error = unname(s[, 2]), p_value = unname(s[, 4]), log_likelihood = as.numeric(logLik(m)),
  null_log_likelihood = as.numeric(logLik(glm(y ~ 1, binomial, d))), lr = drop1(m, test = "LRT")$LRT[2:3], profile = ci(m),
  ame = c(ame(coef(m), 2), ame(coef(m), 3)), ame_error = sapply(2:3, function(j) sqrt(t(slope(j)) %*% V %*% slope(j))),
  firth_standardised = best, firth_lr = as.numeric(drop_one),
  jackknife_error = unname(apply(jack, 1, function(b) sqrt(14 / 15 * sum((b - mean(b))^2)))))
write(toJSON(out, digits = I(15), auto_unbox = TRUE), stdout())
