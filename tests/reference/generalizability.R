# Variance components of small tables: respondents x items x occasions (complete, with three cells missing,
# with a component at 0) and respondents x items x (prompts in languages).
# Makes all of generalizability.json but `huang` and `pxixo_40_8_4`, whose tables are too large to stand here: those are
# lmer(score ~ 1 + (1|template) + ... + (1|template:version) + ..., REML = TRUE) with every main effect and two-way
# interaction of the five facets of 2,500 administrations, and the model `full` below on 40 x 8 x 4 answers.
# Run in this folder: Rscript generalizability.R out.json     (R 4.2.2, lme4 1.1.31, psych 2.2.9, jsonlite)
suppressPackageStartupMessages({library(lme4); library(jsonlite); library(psych)})
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5), check.conv.singular = "ignore")
comps <- function(m) { v <- as.data.frame(VarCorr(m)); as.list(setNames(v$vcov, v$grp)) }
set.seed(31); np <- 12; ni <- 5; no <- 3
g <- expand.grid(p = 1:np, i = 1:ni, o = 1:no)
p <- rnorm(np); i <- rnorm(ni, 0, .7); o <- rnorm(no, 0, .5)
pi <- matrix(rnorm(np * ni, 0, .7), np); po <- matrix(rnorm(np * no, 0, .5), np); io <- matrix(rnorm(ni * no, 0, .4), ni)
g$y <- round(p[g$p] + i[g$i] + o[g$o] + pi[cbind(g$p, g$i)] + po[cbind(g$p, g$o)] + io[cbind(g$i, g$o)] + rnorm(nrow(g), 0, .8), 2)
full <- y ~ 1 + (1|p) + (1|i) + (1|o) + (1|p:i) + (1|p:o) + (1|i:o)
out <- list()
out$pxixo <- list(y = g$y, sizes = c(np, ni, no), lmer = comps(lmer(full, g, control = tight)))
drop <- c(7, 50, 131); h <- g[-drop, ]
out$missing <- list(drop = drop - 1, lmer = comps(lmer(full, h, control = tight)))
z <- g; set.seed(32); z$y <- round(p[g$p] + i[g$i] + pi[cbind(g$p, g$i)] + rnorm(nrow(g), 0, .8), 2)
out$boundary <- list(y = z$y, lmer = comps(lmer(full, z, control = tight)))
set.seed(33); np <- 10; ni <- 4; nl <- 3; nt <- 3
n <- expand.grid(p = 1:np, i = 1:ni, t = 1:nt, l = 1:nl); n$tl <- interaction(n$t, n$l)
p <- rnorm(np); i <- rnorm(ni, 0, .6); l <- rnorm(nl, 0, .6); tl <- rnorm(nt * nl, 0, .5); pl <- matrix(rnorm(np * nl, 0, .6), np); ptl <- matrix(rnorm(np * nt * nl, 0, .6), np)
il <- matrix(rnorm(ni * nl, 0, .5), ni); pi <- matrix(rnorm(np * ni, 0, .6), np); itl <- matrix(rnorm(ni * nt * nl, 0, .4), ni); pil <- array(rnorm(np * ni * nl, 0, .5), c(np, ni, nl))
n$y <- round(p[n$p] + i[n$i] + l[n$l] + tl[as.integer(n$tl)] + pl[cbind(n$p, n$l)] + ptl[cbind(n$p, as.integer(n$tl))] + il[cbind(n$i, n$l)] + pi[cbind(n$p, n$i)] + itl[cbind(n$i, as.integer(n$tl))] + pil[cbind(n$p, n$i, n$l)] + rnorm(nrow(n), 0, .7), 2)
m <- lmer(y ~ 1 + (1|p) + (1|i) + (1|l) + (1|tl) + (1|p:i) + (1|p:l) + (1|p:tl) + (1|i:l) + (1|i:tl) + (1|p:i:l), n, control = tight)
out$nested <- list(y = n$y, sizes = c(np, ni, nt, nl), lmer = comps(m))
w <- tapply(g$y[g$o == 1], list(g$p[g$o == 1], g$i[g$o == 1]), c)
ic <- suppressMessages(suppressWarnings(ICC(w, lmer = FALSE)))$results
out$one_occasion <- list(alpha = psych::alpha(w, warnings = FALSE)$total$raw_alpha, icc2k = ic$ICC[5], icc3k = ic$ICC[6])
writeLines(toJSON(out, auto_unbox = TRUE, digits = 12), commandArgs(TRUE)[1])
