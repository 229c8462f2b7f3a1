# Makes criterion.json: multiple regression by lm, of a table simulated here (its rows are written too), and of the
# personality and anxiety scores of psych (epi.bfi), of which only results are written.
# Run: Rscript criterion.R EPI_BFI.csv > criterion.json     (R 4.2.2, jsonlite)
suppressPackageStartupMessages(library(jsonlite))
fit <- function(d, y, base, all) {
  f <- function(x) lm(reformulate(x, y), d)
  whole <- f(all); small <- f(base); s <- summary(whole); a <- anova(small, whole); e <- resid(whole) / (1 - hatvalues(whole))
  z <- as.data.frame(scale(d[c(y, all)])); n <- nrow(d)
  list(r_squared = s$r.squared, adjusted = s$adj.r.squared, f = unname(s$fstatistic), base = summary(small)$r.squared,
       added_f = a$F[2], added_p = a$`Pr(>F)`[2], added_df = c(a$Df[2], a$Res.Df[2]),
       slope = unname(coef(lm(reformulate(all, y), z))[-1]), t = unname(coef(s)[-1, 3]), p = unname(coef(s)[-1, 4]),
       vif = unname(diag(solve(cor(d[all])))), correlation = unname(cor(d[all], d[[y]])[, 1]),
       semipartial = unname(sapply(all, function(v) cor(resid(lm(reformulate(setdiff(all, v), v), d)), d[[y]]))),
       left_one_out = 1 - sum(e^2) / sum(((d[[y]] - mean(d[[y]])) * n / (n - 1))^2))
}
set.seed(5); n <- 40
d <- data.frame(a = round(rnorm(n), 2)); d$b <- round(.5 * d$a + rnorm(n), 2); d$c <- round(rnorm(n), 2)
d$y <- round(.6 * d$a + .3 * d$c + rnorm(n), 2); d$z <- round(.4 * d$b + rexp(n), 2)
e <- read.csv(commandArgs(TRUE)[1])
five <- c("bfagree", "bfcon", "bfext", "bfneur", "bfopen"); epi <- c("epiE", "epiNeur")
cat(toJSON(list(
  rows = as.list(d), y = fit(d, "y", "a", c("a", "b", "c")), z = fit(d, "z", "a", c("a", "b", "c")),
  epi = sapply(c("stateanx", "traitanx", "bdi"), function(y) fit(e, y, epi, c(epi, five)), simplify = FALSE)
), digits = 15, auto_unbox = TRUE, pretty = FALSE))
