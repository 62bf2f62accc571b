(* The closed forms of the rounding bounds, as functions of numbers. Nothing is proven here.

   Nothing is subtracted but from 1 or from n, and L from the entropy H, so that they can be evaluated without much
   cancellation. M is the model; n the number of terms; gamma and kappa belong to the sum; L = y - a for the shift a;
   drift = sum_i g_i (exp(u |x_i - a|) - 1) with g = softmax(x), which is what the rounding of the differences x_i - a
   adds to the sum, relative to it; theta is the weight of the terms whose exponential is rounded (that of a maximum
   is not); tail = 1 - max g. *)

From Coq Require Import Reals.
From ShiftProof Require Import Model.
Open Scope R_scope.

(* Two relative errors, one after the other: (1 + p)(1 + q) - 1. *)
Definition both (p q : R) : R := p + q + p * q.
Definition expm1 (z : R) : R := exp z - 1.
(* (1 + p)^k - 1 *)
Definition growth (p : R) (k : nat) : R := (1 + p) ^ k - 1.

(* A difference x_i - a errs by u |x_i - a| + zeta, its exponential by both, which is `stretch` more, relative. *)
Definition zeta (M : model) : R := (3 + 2 * u M) * flush M.
Definition stretch (M : model) : R := expm1 (zeta M).

(* ---------------------------------------------------------------------------------------- sums of exponentials *)

(* All relative to the exact sum exp(L) of exp(x_i - a). *)
Definition terms_error (M : model) (X drift theta n L : R) : R :=
  both drift X + exp_rel M * (theta + drift) * (1 + X) + n * exp_abs M * exp (- L).
Definition sum_error (M : model) (X gamma kappa drift theta n L : R) : R :=
  both (terms_error M X drift theta n L) gamma + kappa * exp (- L).

(* The sum without the maximum, relative to the sum with it. *)
Definition tail_terms_error (M : model) (X drift tail n L : R) : R :=
  both drift X + exp_rel M * (tail + X + drift) * (1 + X) + n * exp_abs M * exp (- L).
Definition tail_error (M : model) (X gamma kappa drift tail n L : R) : R :=
  tail_terms_error M X drift tail n L + gamma * (tail + X + tail_terms_error M X drift tail n L) + kappa * exp (- L).

(* The online pass, whose maximum rises `rises` times, and a tree of merges of height h. *)
Definition step_growth (M : model) : R := both (both (exp_rel M) (both (u M) (u M))) (both (stretch M) (exp_abs M)).
Definition states_underflow (M : model) (n : nat) : R :=
  2 * INR n * INR n * (1 + growth (step_growth M) n) * (exp_abs M + under M + flush M).
Definition online_error (M : model) (n rises : nat) (drift L : R) : R :=
  both drift (both (both (growth (exp_rel M) (1 + rises)) (growth (u M) (n - 1 + rises)))
                   (growth (stretch M) (1 + rises)))
  + states_underflow M n * exp (- L).
Definition merged_error (M : model) (n h : nat) (drift L : R) : R :=
  both drift (both (both (growth (exp_rel M) h) (growth (u M) (2 * h))) (growth (stretch M) (1 + h)))
  + states_underflow M n * exp (- L).

(* ------------------------------------------------------------------------------------------------- logsumexp *)

(* A logarithm of exact value L whose argument errs by sigma. *)
Definition log_error (rel abs sigma L : R) : R := (1 + rel) * (sigma / (1 - sigma)) + rel * Rabs L + abs.
(* A sum of exact value y one of whose terms errs by flush and the other by e. *)
Definition shift_back (M : model) (e y : R) : R := (1 + u M) * (e + flush M) + u M * Rabs y + flush M.

Definition lse_naive (M : model) (sigma y : R) : R := log_error (log_rel M) (log_abs M) sigma y.
Definition lse_shifted (M : model) (sigma L y : R) : R := shift_back M (log_error (log_rel M) (log_abs M) sigma L) y.
Definition lse_log1p (M : model) (sigma L y : R) : R := shift_back M (log_error (log1p_rel M) (log1p_abs M) sigma L) y.

(* What can be said of drift without the entries, where a is the maximum: from the entropy H of g, and from n. *)
Definition drift_from_entropy (M : model) (H L n : R) : R := u M * (H - L) + 7 / 25 * (n - 1) * (u M * u M).
Definition drift_from_length (M : model) (n : R) : R := expm1 (u M * ln n).

(* One logaddexp, relative to 1 + exp(-gap), and a fold of n - 1 of them; size is the largest |partial result|. *)
Definition pair_error (M : model) : R :=
  both (exp_rel M) (expm1 (flush M)) / 2 + (1 + both (exp_rel M) (expm1 (flush M))) * (u M / (exp 1 * (1 - u M)))
  + exp_abs M.
Definition chain_step (M : model) (size : R) : R :=
  (1 + u M) * log_error (log1p_rel M) (log1p_abs M) (pair_error M) (ln 2) + u M * (size + flush M) + 2 * flush M.
Definition lse_chained (M : model) (n : nat) (size : R) : R :=
  growth (u M) (n - 1) * (chain_step M size / u M) + (1 + growth (u M) (n - 1)) * flush M.

(* --------------------------------------------------------------------------------------------------- softmax *)

(* g the exact entry, q = g (exp(u |x_j - a|) - 1), X as for the sum that errs by sigma. *)
Definition quotient_error (M : model) (X sigma g q L : R) : R :=
  ((1 + both (exp_rel M) X) * q + (both (exp_rel M) X + sigma) * g + exp_abs M * exp (- L)) / (1 - sigma).
Definition softmax_entry (M : model) (X sigma g q L : R) : R :=
  (1 + u M) * quotient_error M X sigma g q L + u M * g + under M.
(* Every entry, relative to the largest one, which is exp(-L) where a is the maximum. *)
Definition softmax_norm (M : model) (X sigma L : R) : R :=
  (1 + u M) * (((1 + both (exp_rel M) X) * (u M / (exp 1 * (1 - u M))) + (both (exp_rel M) X + sigma) + exp_abs M)
               / (1 - sigma)) + u M + under M * exp L.

(* exp(x_j - y) where y errs by e: q = g (exp(u |x_j - y|) - 1). *)
Definition free_factor (M : model) (e : R) : R :=
  both (exp_rel M) (expm1 ((1 + u M) * (e + flush M) + flush M)).
Definition softmax_division_free (M : model) (e g q : R) : R :=
  (1 + free_factor M e) * q + free_factor M e * g + exp_abs M.
(* Relative to the largest entry exp(-L). *)
Definition division_free_norm (M : model) (e L : R) : R :=
  free_factor M e + (1 + free_factor M e) * (expm1 (u M * L) + (1 + expm1 (u M * L)) * (u M / (exp 1 * (1 - u M))))
  + exp_abs M * exp L.

(* ------------------------------------------------------------------------------------------------ log_softmax *)

(* (x_j - a) - l where l errs by e and D = |x_j - a|; z is the exact result. *)
Definition log_softmax_shifted (M : model) (e D z : R) : R :=
  (1 + u M) * (u M * D + zeta M + e) + u M * Rabs z + flush M.
(* x_j - y where y errs by e. *)
Definition log_softmax_composed (M : model) (e z : R) : R := shift_back M e z.
(* The logarithm of a softmax entry that errs by rho, relative to it. *)
Definition log_of_softmax (M : model) (rho z : R) : R := log_error (log_rel M) (log_abs M) rho z.
