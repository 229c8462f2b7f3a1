# Makes mixed_link.json: the mixed models of Han et al. (2025), second figure, from lme4, lmerTest and pbkrtest.
# Run: Rscript mixed_link.R <folder data/baseline_responses of the published repository> > mixed_link.json
# (R 4.2.2, lme4 1.1-31, lmerTest 3.1-3, pbkrtest 0.5.2, jsonlite). Only results are written, none of the rows.
suppressPackageStartupMessages({library(lme4); library(lmerTest); library(pbkrtest); library(jsonlite)})
folder <- commandArgs(TRUE)[1]
key <- c("Model", "persona_index", "temp", "run")
said <- read.csv(file.path(folder, "instruct_models_selfreport.csv"))
done <- read.csv(file.path(folder, "instruct_models_behavioral_tasks.csv"))
d <- merge(said, done[, c(key, "CCT_cold_avg", "IAT_Overall", "sycophancy_rate", "Calibaration", "Consistency")], by = key)
tight <- lmerControl(optimizer = "nloptwrap", calc.derivs = FALSE,
  optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-12, xtol_rel = 1e-12, ftol_rel = 1e-14, maxeval = 20000))
fit <- function(task) {
  m <- suppressMessages(suppressWarnings(lmerTest::lmer(as.formula(paste(task, "~ openeness + consciencienes + extraversion +",
    "agreeableness + neuroticism + self_regulation + (1 | Model) + (1 | temp) + (1 | persona_index)")), d, control = tight)))
  s <- coef(summary(m))[-1, ]; r <- coef(summary(m, ddf = "Kenward-Roger"))[-1, ]; v <- as.data.frame(VarCorr(m))
  list(slope = unname(s[, 1]), std_error = unname(s[, 2]), df = unname(s[, 3]), adjusted_error = unname(r[, 2]),
       adjusted_df = unname(r[, 3]), components = v$vcov[match(c("Model", "temp", "persona_index", "Residual"), v$grp)],
       deviance = REMLcrit(m))
}
tasks <- c("Risk taking" = "CCT_cold_avg", "Stereotyping" = "IAT_Overall", "Sycophancy" = "sycophancy_rate",
  "Calibration gap" = "Calibaration", "Consistency gap" = "Consistency")
out <- list(meta = list(r = R.version.string, lme4 = as.character(packageVersion("lme4")),
  lmerTest = as.character(packageVersion("lmerTest")), pbkrtest = as.character(packageVersion("pbkrtest")), rows = nrow(d)),
  tasks = lapply(tasks, fit))
write(toJSON(out, digits = I(15), auto_unbox = TRUE, pretty = TRUE), stdout())
