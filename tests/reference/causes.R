# Reference values for the chapter on causes, from R's own lm, glm, manova and integrate.
# Rscript causes.R > causes.json
suppressMessages(library(jsonlite))
i <- 1:80
c1 <- sin(1.3 * i); x <- cos(0.7 * i) + 0.4 * c1
m <- 0.5 * x + 0.3 * c1 + sin(2.1 * i^1.1)
y <- 0.3 * x + 0.6 * m - 0.2 * x * m + 0.2 * c1 + cos(3.7 * i^1.05)
yb <- as.numeric(y > 0.1); mb <- as.numeric(m > 0)
grp <- factor(i %% 3)

fm <- lm(m ~ x + c1); fy <- lm(y ~ x * m + c1)
mean_linear <- function(a, b) mean(predict(fy, data.frame(x = a, m = mean(predict(fm, data.frame(x = b, c1 = c1))), c1 = c1)))
linear <- outer(0:1, 0:1, Vectorize(mean_linear))

gy <- glm(yb ~ x * m + c1, family = binomial); s <- summary(fm)$sigma
mean_logit <- function(a, b) mean(sapply(seq_along(i), function(j) {
  mu <- sum(coef(fm) * c(1, b, c1[j])); k <- coef(gy)
  integrate(function(z) plogis(k[1] + k[2] * a + (k[3] + k[5] * a) * (mu + s * z) + k[4] * c1[j]) * dnorm(z), -Inf, Inf,
            rel.tol = 1e-10)$value }))
logit <- outer(0:1, 0:1, Vectorize(mean_logit))

gm <- glm(mb ~ x + c1, family = binomial); gb <- glm(yb ~ x * mb + c1, family = binomial)
mean_both <- function(a, b) { p <- plogis(coef(gm)[1] + coef(gm)[2] * b + coef(gm)[3] * c1); k <- coef(gb)
  one <- function(v) plogis(k[1] + k[2] * a + (k[3] + k[5] * a) * v + k[4] * c1)
  mean((1 - p) * one(0) + p * one(1)) }
both <- outer(0:1, 0:1, Vectorize(mean_both))

# Imai, Keele and Yamamoto 2010, theorem 4, from two lm fits.
f1 <- lm(y ~ x + c1); e1 <- resid(f1); e2 <- resid(fm); rt <- cor(e1, e2)
at <- function(r) coef(fm)["x"] * sd(e1) / sd(e2) * (rt - r * sqrt((1 - rt^2) / (1 - r^2)))

# HC3 by hand, Wilks and Rao's F, partial correlation test.
f <- lm(y ~ x + m + c1); X <- model.matrix(f); h <- hatvalues(f)
hc3 <- solve(crossprod(X)) %*% crossprod(X * (resid(f) / (1 - h))) %*% solve(crossprod(X))
w <- anova(lm(cbind(m, y) ~ c1), lm(cbind(m, y) ~ c1 + grp), test = "Wilks")
d <- table(grp, cut(x, 3), i %% 2)
g2 <- sum(sapply(1:2, function(k) { o <- d[, , k]; e <- outer(rowSums(o), colSums(o)) / sum(o); 2 * sum(ifelse(o > 0, o * log(o / e), 0)) }))
cat(toJSON(list(
  made_by = "causes.R", R = as.character(getRversion()), linear = linear, logit = logit, both = both,
  rho = rt, indirect_at_.3 = unname(at(0.3)), slope = unname(coef(f)["x"]), hc3 = sqrt(hc3["x", "x"]),
  wilks_p = w[["Pr(>F)"]][2], g2 = g2, g2_p = pchisq(g2, 8, lower.tail = FALSE),
  z_p = 2 * pnorm(-sqrt(80 - 1 - 3) * abs(atanh(cor(resid(lm(y ~ c1)), resid(lm(x ~ c1))))))
), digits = 15, auto_unbox = TRUE, pretty = TRUE), "\n")
