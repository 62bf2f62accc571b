(* What the theorems of the catalogue say, written by hand for a reader who trusts neither the exporter nor the checker.

   Each statement below is proven by `exact` from the exported theorem of the same name, so the exported theorem says
   this and nothing weaker. Own definitions in the statements: `total N f` is f 1 + ... + f N, `largest N f` the
   maximum of f 1 .. f N, `permutes N p` that p permutes 1 .. N; the first part shows that they are what they claim to
   be. Everything else is Coq's and Coquelicot's: ln, exp, Rmax, Rabs, Derive. What all of them together assume is
   printed at the end: the axioms of the standard library's reals and no others. *)

From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From ShiftProof Require Import Rules Catalogue.
Open Scope R_scope.

(* ------------------------------------------------------------------------------------------- the definitions *)

(* The sum is the standard library's sum over 1 .. N. *)
Theorem meaning_of_total : forall (N : nat) (f : nat -> R), (1 <= N)%nat -> total N f = sum_f 1 N f.
Proof. exact total_is_sum_f. Qed.

(* The maximum is one of the numbers and none is larger. *)
Theorem meaning_of_largest : forall (N : nat) (f : nat -> R), (1 <= N)%nat ->
  (exists k, (1 <= k <= N)%nat /\ largest N f = f k) /\ (forall k, (1 <= k <= N)%nat -> f k <= largest N f).
Proof. intros N f HN. split; [exact (largest_attained N f HN) | exact (largest_bounds N f)]. Qed.

(* A permutation of 1 .. N maps 1 .. N into itself, one to one. *)
Theorem meaning_of_permutes : forall (N : nat) (p : nat -> nat), permutes N p <->
  (forall i, (1 <= i <= N)%nat -> (1 <= p i <= N)%nat) /\
  (forall i j, (1 <= i <= N)%nat -> (1 <= j <= N)%nat -> p i = p j -> i = j).
Proof. intros N p. unfold permutes, in_range. tauto. Qed.

(* --------------------------------------------------------------------------------- the false step of the sheet *)

(* The shift does not leave the exponential of a sum as a summand: wrong at a = 0, for every x and N. *)
Theorem false_step_at_zero : forall (N : nat) (x : nat -> R), (1 <= N)%nat ->
  total N (fun i => exp (x i)) <> exp 0 + total N (fun i => exp (x i - 0)).
Proof.
  intros N x _.
  rewrite (eq_total N (fun i => exp (x i - 0)) (fun i => exp (x i))) by (intros i _; f_equal; ring).
  rewrite exp_0. lra.
Qed.

Theorem false_step : ~ (forall (N : nat) (x : nat -> R) (a : R), (1 <= N)%nat ->
  total N (fun i => exp (x i)) = exp a + total N (fun i => exp (x i - a))).
Proof.
  intro claim. apply (false_step_at_zero 1 (fun _ => 0)); [lia|]. apply claim. lia.
Qed.

(* ---------------------------------------------------------------------------------------------- the theorems *)

(* The shift identities. *)

Theorem audit_lse_shift : forall (N : nat) (a : R) (x : nat -> R), (1 <= N)%nat ->
  ln (total N (fun i => exp (x i))) = a + ln (total N (fun i => exp (x i - a))).
Proof. exact M_lse_shift.lse_shift. Qed.

Theorem audit_softmax_shift : forall (N : nat) (a : R) (x : nat -> R) (k : nat), (1 <= N)%nat -> (1 <= k <= N)%nat ->
  exp (x k) / total N (fun i => exp (x i)) = exp (x k - a) / total N (fun i => exp (x i - a)).
Proof. exact M_softmax_shift.softmax_shift. Qed.

Theorem audit_log_softmax_shift : forall (N : nat) (a : R) (x : nat -> R) (k : nat), (1 <= N)%nat ->
  (1 <= k <= N)%nat ->
  x k - ln (total N (fun i => exp (x i))) = (x k - a) - ln (total N (fun i => exp (x i - a))).
Proof. exact M_log_softmax_shift.log_softmax_shift. Qed.

Theorem audit_log_of_softmax : forall (N : nat) (x : nat -> R) (k : nat), (1 <= N)%nat -> (1 <= k <= N)%nat ->
  ln (exp (x k) / total N (fun i => exp (x i))) = x k - ln (total N (fun i => exp (x i))).
Proof. exact M_log_of_softmax.log_of_softmax. Qed.

Theorem audit_division_free_softmax : forall (N : nat) (x : nat -> R) (k : nat), (1 <= N)%nat ->
  (1 <= k <= N)%nat ->
  exp (x k) / total N (fun i => exp (x i)) = exp (x k - ln (total N (fun i => exp (x i)))).
Proof. exact M_division_free_softmax.division_free_softmax. Qed.

Theorem audit_lse_equivariance : forall (N : nat) (c : R) (x : nat -> R), (1 <= N)%nat ->
  ln (total N (fun i => exp (x i + c))) = ln (total N (fun i => exp (x i))) + c.
Proof. exact M_lse_equivariance.lse_equivariance. Qed.

Theorem audit_lse_permutation : forall (N : nat) (x : nat -> R) (p : nat -> nat), (1 <= N)%nat -> permutes N p ->
  ln (total N (fun i => exp (x (p i)))) = ln (total N (fun i => exp (x i))).
Proof. exact M_lse_permutation.lse_permutation. Qed.

Theorem audit_softmax_permutation : forall (N : nat) (x : nat -> R) (k : nat) (p : nat -> nat), (1 <= N)%nat ->
  (1 <= k <= N)%nat -> permutes N p ->
  exp (x (p k)) / total N (fun i => exp (x (p i))) = exp (x (p k)) / total N (fun i => exp (x i)).
Proof. exact M_softmax_permutation.softmax_permutation. Qed.

(* Temperature and weights. *)

Theorem audit_temperature_shift : forall (N : nat) (T a : R) (x : nat -> R), (1 <= N)%nat -> 0 < T ->
  T * ln (total N (fun i => exp (x i / T))) = a + T * ln (total N (fun i => exp ((x i - a) / T))).
Proof. exact M_temperature_shift.temperature_shift. Qed.

Theorem audit_softmax_temperature_shift : forall (N : nat) (T a : R) (x : nat -> R) (k : nat), (1 <= N)%nat ->
  (1 <= k <= N)%nat -> 0 < T ->
  exp (x k / T) / total N (fun i => exp (x i / T)) = exp ((x k - a) / T) / total N (fun i => exp ((x i - a) / T)).
Proof. exact M_softmax_temperature_shift.softmax_temperature_shift. Qed.

Theorem audit_weighted_shift : forall (N : nat) (a : R) (b x : nat -> R), (1 <= N)%nat ->
  (forall i, (1 <= i <= N)%nat -> 0 < b i) ->
  ln (total N (fun i => b i * exp (x i))) = a + ln (total N (fun i => b i * exp (x i - a))).
Proof. exact M_weighted_shift.weighted_shift. Qed.

Theorem audit_weights_as_shifts : forall (N : nat) (b x : nat -> R), (1 <= N)%nat ->
  (forall i, (1 <= i <= N)%nat -> 0 < b i) ->
  ln (total N (fun i => b i * exp (x i))) = ln (total N (fun i => exp (x i + ln (b i)))).
Proof. exact M_weights_as_shifts.weights_as_shifts. Qed.

(* The maximum as the shift. *)

Theorem audit_exponents_at_most_zero : forall (N : nat) (x : nat -> R) (k : nat), (1 <= N)%nat ->
  (1 <= k <= N)%nat -> x k - largest N x <= 0.
Proof. exact M_exponents_at_most_zero.exponents_at_most_zero. Qed.

Theorem audit_largest_exponent_is_zero : forall (N : nat) (x : nat -> R), (1 <= N)%nat ->
  largest N (fun i => x i - largest N x) = 0.
Proof. exact M_largest_exponent_is_zero.largest_exponent_is_zero. Qed.

Theorem audit_shifted_sum_at_least_one : forall (N : nat) (x : nat -> R), (1 <= N)%nat ->
  1 <= total N (fun i => exp (x i - largest N x)).
Proof. exact M_shifted_sum_at_least_one.shifted_sum_at_least_one. Qed.

Theorem audit_shifted_sum_at_most_count : forall (N : nat) (x : nat -> R), (1 <= N)%nat ->
  total N (fun i => exp (x i - largest N x)) <= INR N.
Proof. exact M_shifted_sum_at_most_count.shifted_sum_at_most_count. Qed.

Theorem audit_largest_at_most_lse : forall (N : nat) (x : nat -> R), (1 <= N)%nat ->
  largest N x <= ln (total N (fun i => exp (x i))).
Proof. exact M_largest_at_most_lse.largest_at_most_lse. Qed.

Theorem audit_lse_at_most_largest_plus_log_count : forall (N : nat) (x : nat -> R), (1 <= N)%nat ->
  ln (total N (fun i => exp (x i))) <= largest N x + ln (INR N).
Proof. exact M_lse_at_most_largest_plus_log_count.lse_at_most_largest_plus_log_count. Qed.

(* The term of the shift x_k is exactly 1; the sum that is left runs over all i but k. *)
Theorem audit_log1p_form : forall (N : nat) (x : nat -> R) (k : nat), (1 <= N)%nat -> (1 <= k <= N)%nat ->
  ln (total N (fun i => exp (x i))) =
  x k + ln (1 + total N (fun i => (1 - (if Nat.eqb i k then 1 else 0)) * exp (x i - x k))).
Proof. exact M_log1p_form.log1p_form. Qed.

Theorem audit_log_softmax_log1p_form : forall (N : nat) (x : nat -> R) (k m : nat), (1 <= N)%nat ->
  (1 <= k <= N)%nat -> (1 <= m <= N)%nat ->
  x m - ln (total N (fun i => exp (x i))) =
  (x m - x k) - ln (1 + total N (fun i => (1 - (if Nat.eqb i k then 1 else 0)) * exp (x i - x k))).
Proof. exact M_log_softmax_log1p_form.log_softmax_log1p_form. Qed.

(* Softmax is a distribution. *)

Theorem audit_softmax_positive : forall (N : nat) (x : nat -> R) (k : nat), (1 <= N)%nat -> (1 <= k <= N)%nat ->
  0 < exp (x k) / total N (fun i => exp (x i)).
Proof. exact M_softmax_positive.softmax_positive. Qed.

Theorem audit_softmax_at_most_one : forall (N : nat) (x : nat -> R) (k : nat), (1 <= N)%nat -> (1 <= k <= N)%nat ->
  exp (x k) / total N (fun i => exp (x i)) <= 1.
Proof. exact M_softmax_at_most_one.softmax_at_most_one. Qed.

Theorem audit_softmax_sums_to_one : forall (N : nat) (x : nat -> R), (1 <= N)%nat ->
  total N (fun k => exp (x k) / total N (fun i => exp (x i))) = 1.
Proof. exact M_softmax_sums_to_one.softmax_sums_to_one. Qed.

(* Derivatives: by x_k, the other entries fixed. *)

Theorem audit_lse_gradient : forall (N : nat) (x : nat -> R) (k : nat), (1 <= N)%nat -> (1 <= k <= N)%nat ->
  Derive (fun t => ln (total N (fun i => exp (if Nat.eqb i k then t else x i)))) (x k) =
  exp (x k) / total N (fun i => exp (x i)).
Proof. exact M_lse_gradient.lse_gradient. Qed.

Theorem audit_softmax_jacobian : forall (N : nat) (x : nat -> R) (j k : nat), (1 <= N)%nat -> (1 <= j <= N)%nat ->
  (1 <= k <= N)%nat ->
  Derive (fun t => exp (if Nat.eqb j k then t else x j) /
                   total N (fun i => exp (if Nat.eqb i k then t else x i))) (x k) =
  exp (x j) / total N (fun i => exp (x i)) *
  ((if Nat.eqb j k then 1 else 0) - exp (x k) / total N (fun i => exp (x i))).
Proof. exact M_softmax_jacobian.softmax_jacobian. Qed.

Theorem audit_cross_entropy_gradient : forall (N : nat) (x : nat -> R) (c k : nat), (1 <= N)%nat ->
  (1 <= c <= N)%nat -> (1 <= k <= N)%nat ->
  Derive (fun t => ln (total N (fun i => exp (if Nat.eqb i k then t else x i))) -
                   (if Nat.eqb c k then t else x c)) (x k) =
  exp (x k) / total N (fun i => exp (x i)) - (if Nat.eqb c k then 1 else 0).
Proof. exact M_cross_entropy_gradient.cross_entropy_gradient. Qed.

(* Convexity. *)

Theorem audit_normalised : forall (N : nat) (x : nat -> R), (1 <= N)%nat ->
  total N (fun i => exp (x i - ln (total N (fun j => exp (x j))))) = 1.
Proof. exact M_normalised.normalised. Qed.

Theorem audit_lse_convex : forall (N : nat) (t : R) (x y : nat -> R), (1 <= N)%nat -> 0 <= t -> t <= 1 ->
  ln (total N (fun i => exp (t * x i + (1 - t) * y i))) <=
  t * ln (total N (fun i => exp (x i))) + (1 - t) * ln (total N (fun i => exp (y i))).
Proof. exact M_lse_convex.lse_convex. Qed.

(* One pass over the data: the pair (m, s) stands for s e^m. *)

Theorem audit_merge_correct : forall P Q m1 m2 s1 s2 : R, s1 * exp m1 = P -> s2 * exp m2 = Q ->
  (s1 * exp (m1 - Rmax m1 m2) + s2 * exp (m2 - Rmax m1 m2)) * exp (Rmax m1 m2) = P + Q.
Proof. exact M_merge_correct.merge_correct. Qed.

Theorem audit_merge_lse : forall m1 m2 s1 s2 : R, 0 < s1 -> 0 < s2 ->
  Rmax m1 m2 + ln (s1 * exp (m1 - Rmax m1 m2) + s2 * exp (m2 - Rmax m1 m2)) = ln (s1 * exp m1 + s2 * exp m2).
Proof. exact M_merge_lse.merge_lse. Qed.

Theorem audit_merge_commutes_in_the_maximum : forall m1 m2 : R, Rmax m1 m2 = Rmax m2 m1.
Proof. exact M_merge_commutes_in_the_maximum.merge_commutes_in_the_maximum. Qed.

Theorem audit_merge_commutes_in_the_sum : forall m1 m2 s1 s2 : R,
  s1 * exp (m1 - Rmax m1 m2) + s2 * exp (m2 - Rmax m1 m2) = s2 * exp (m2 - Rmax m2 m1) + s1 * exp (m1 - Rmax m2 m1).
Proof. exact M_merge_commutes_in_the_sum.merge_commutes_in_the_sum. Qed.

Theorem audit_merge_associates_in_the_maximum : forall m1 m2 m3 : R, Rmax (Rmax m1 m2) m3 = Rmax m1 (Rmax m2 m3).
Proof. exact M_merge_associates_in_the_maximum.merge_associates_in_the_maximum. Qed.

Theorem audit_merge_associates_in_the_sum : forall m1 m2 m3 s1 s2 s3 : R,
  (s1 * exp (m1 - Rmax m1 m2) + s2 * exp (m2 - Rmax m1 m2)) * exp (Rmax m1 m2 - Rmax (Rmax m1 m2) m3) +
  s3 * exp (m3 - Rmax (Rmax m1 m2) m3) =
  s1 * exp (m1 - Rmax m1 (Rmax m2 m3)) +
  (s2 * exp (m2 - Rmax m2 m3) + s3 * exp (m3 - Rmax m2 m3)) * exp (Rmax m2 m3 - Rmax m1 (Rmax m2 m3)).
Proof. exact M_merge_associates_in_the_sum.merge_associates_in_the_sum. Qed.

Theorem audit_streaming_update : forall P m s x : R, s * exp m = P ->
  (s * exp (m - Rmax m x) + exp (x - Rmax m x)) * exp (Rmax m x) = P + exp x.
Proof. exact M_streaming_update.streaming_update. Qed.

(* Two terms. *)

Theorem audit_sigmoid : forall x : R, exp x / (exp 0 + exp x) = 1 / (1 + exp (- x)).
Proof. exact M_sigmoid.sigmoid. Qed.

Theorem audit_logaddexp : forall x y : R, ln (exp x + exp y) = Rmax x y + ln (1 + exp (- Rabs (x - y))).
Proof. exact M_logaddexp.logaddexp. Qed.

Theorem audit_softplus : forall x : R, ln (1 + exp x) = Rmax x 0 + ln (1 + exp (- Rabs x)).
Proof. exact M_softplus.softplus. Qed.

Theorem audit_binary_cross_entropy : forall x y : R,
  - (y * ln (1 / (1 + exp (- x))) + (1 - y) * ln (1 - 1 / (1 + exp (- x)))) =
  Rmax x 0 - x * y + ln (1 + exp (- Rabs x)).
Proof. exact M_binary_cross_entropy.binary_cross_entropy. Qed.
