(* The bounds, each in one statement: from the input, through the operations of the algorithm with its sum, to the
   closed form.

   For each bound there is one definition, bound_X, and one theorem, X. The definition is a number that depends on the
   model M of the arithmetic, on the number of terms and on a few exact quantities; the sum's own error is put in. The
   theorem says which exact quantities these are, and that what the algorithm computes is no further from the exact
   result. It assumes that the model is sound, the run of the algorithm, and that the relative error sigma of the sum
   is below 1; of the entries nothing. Four assume a little more of the arithmetic or of the result: the bound from the
   entropy u <= 1/256, the fold of logaddexp 0 < u, the compensated sum that nothing is flushed and that (N - 1) u < 1,
   the logarithm of softmax that the computed entry errs by less than itself. theta = 1 is right wherever no more is
   known of the exponentials; where nothing is flushed that of the maximum is exact, and theta may be tail N x.

   Names: N is the number of entries (`terms` in the definitions), x the vector, xh what was read of it, a the shift and
   ah what was read of it, d the differences, w their exponentials, s the sum, l its logarithm, r the result;
   y = lse N x; L = y - a; g = softmax N x j; z = log_softmax N x j; D = |x_j - a|; q = g (exp(u |x_j - a|) - 1), and
   zdrift the same with lse N x for a; `drift`, `tail` and `entropy` are defined in Steps.v, the closed forms in
   Formulas.v, sums in Sums.v.

   Contents: sums; runs; logsumexp; softmax; log_softmax; two numbers (logaddexp, softplus, sigmoid); no overflow.
   The theorems log_softmax_shifted, log_softmax_composed and softmax_division_free bear the names of the formulas that
   they are about: to write these formulas where both files are imported, import Formulas last.

   Sources: those of the files that prove the parts. *)

From Coq Require Import Reals Lra Lia List Permutation PeanoNat.
From ShiftProof Require Import Rules Model Formulas Steps Sums LogSumExp Online Softmax LogSoftmax.
Open Scope R_scope.

(* Of a conjunction, every part is among the hypotheses. *)
Ltac parts := repeat (split; [assumption|]); assumption.

(* -------------------------------------------------------------------------------------------------------- sums *)

(* Of all the terms, in any order. *)
Definition gamma_all (M : model) (terms : nat) : R := (INR terms - 1) * u M.
Definition kappa_all (M : model) (terms : nat) : R := (1 + gamma_all M terms) * ((INR terms - 1) * flush M).

(* Of all the terms but one, in any order. *)
Definition gamma_others (M : model) (terms : nat) : R := Rmax 0 (INR terms - 2) * u M.
Definition kappa_others (M : model) (terms : nat) : R :=
  (1 + gamma_others M terms) * (Rmax 0 (INR terms - 2) * flush M).

(* Of all the terms by a tree of additions whose height is given. *)
Definition gamma_pairwise (M : model) (height : nat) : R := growth (u M) height.
Definition kappa_pairwise (M : model) (terms height : nat) : R :=
  (1 + gamma_pairwise M height) * ((INR terms - 1) * flush M).

(* Of all the terms, compensated. *)
Definition gamma_compensated (M : model) (terms : nat) : R :=
  u M + ((INR terms - 1) * u M) ^ 2 / (1 - (INR terms - 1) * u M) ^ 2.
Definition kappa_compensated (M : model) (terms : nat) : R :=
  (1 + gamma_compensated M terms) * ((INR terms - 1) * flush M).

(* c is a computed sum of w_1 .. w_N by a tree of additions of height at most h. *)
Definition sums_pairwise (M : model) (h N : nat) (w : nat -> R) (c : R) : Prop :=
  exists t, Permutation (leaves t) (seq 1 N) /\ (height t <= h)%nat /\ tree_sum M w t c.

(* A tree has a leaf, so there is a term. *)
Lemma tree_of_terms : forall N t, Permutation (leaves t) (seq 1 N) -> (1 <= N)%nat.
Proof. intros N t H. apply Permutation_length in H. rewrite leaves_additions, seq_length in H. lia. Qed.

(* One term fewer. *)
Lemma one_fewer : forall N, (1 <= N)%nat -> INR (N - 1) = INR N - 1.
Proof. intros N H. rewrite minus_INR by exact H. reflexivity. Qed.

(* Two terms fewer, if there are so many. *)
Lemma two_fewer : forall N, (1 <= N)%nat -> INR (N - 2) = Rmax 0 (INR N - 2).
Proof.
  intros N H. destruct (Nat.eq_dec N 1) as [->|H1].
  - cbn. rewrite Rmax_left; lra.
  - assert (K : 0 <= INR (N - 2)) by apply pos_INR. rewrite minus_INR in * by lia. cbn in *. rewrite Rmax_right; lra.
Qed.

(* The sum of all terms has the gamma and the kappa above, which are not negative. *)
Lemma sum_of_all : forall M N w s, sound M -> sums_entries M N w s ->
  (1 <= N)%nat /\ 0 <= gamma_all M N /\ 0 <= kappa_all M N /\ sums (gamma_all M N) (kappa_all M N) N w s.
Proof.
  intros M N w s HM H. pose proof (sum_any_order M N w s HM H) as K. destruct H as [t [H _]].
  apply tree_of_terms in H. rewrite one_fewer in K by exact H. unfold sound in HM.
  assert (P : 0 <= INR N - 1) by (rewrite <- one_fewer by exact H; apply pos_INR).
  assert (G : 0 <= gamma_all M N) by (apply Rmult_le_pos; lra).
  repeat split; try assumption. repeat apply Rmult_le_pos; lra.
Qed.

(* The same without the entry k. *)
Lemma sum_of_others : forall M N k w s, sound M -> (1 <= N)%nat -> sums_others M N k w s ->
  0 <= gamma_others M N /\ 0 <= kappa_others M N /\
  sums (gamma_others M N) (kappa_others M N) N (without k w) s.
Proof.
  intros M N k w s HM HN H. pose proof (sum_others_any_order M N k w s HM H) as K.
  rewrite two_fewer in K by exact HN. unfold sound in HM. pose proof (Rmax_l 0 (INR N - 2)) as P.
  assert (G : 0 <= gamma_others M N) by (apply Rmult_le_pos; lra).
  repeat split; try assumption. repeat apply Rmult_le_pos; lra.
Qed.

(* The sum by a tree of a given height. *)
Lemma sum_of_pairs : forall M h N w s, sound M -> sums_pairwise M h N w s ->
  (1 <= N)%nat /\ 0 <= gamma_pairwise M h /\ 0 <= kappa_pairwise M N h /\
  sums (gamma_pairwise M h) (kappa_pairwise M N h) N w s.
Proof.
  intros M h N w s HM [t [Hp [Hh H]]]. pose proof (sum_pairwise_pure M N w h t s HM Hp Hh H) as K.
  apply tree_of_terms in Hp. rewrite one_fewer in K by exact Hp. unfold sound in HM.
  assert (P : 0 <= INR N - 1) by (rewrite <- one_fewer by exact Hp; apply pos_INR).
  assert (G : 0 <= gamma_pairwise M h) by (apply growth_nonneg; lra).
  repeat split; try assumption. repeat apply Rmult_le_pos; lra.
Qed.

(* The compensated sum. *)
Lemma sum_with_compensation : forall M N w p q e s, sound M -> flush M = 0 -> (INR N - 1) * u M < 1 ->
  run_compensated M N w p q e s ->
  (1 <= N)%nat /\ 0 <= gamma_compensated M N /\ 0 <= kappa_compensated M N /\
  sums (gamma_compensated M N) (kappa_compensated M N) N w s.
Proof.
  intros M N w p q e s HM Hf Hk H. assert (HN : (1 <= N)%nat).
  { destruct H as [_ [_ [[[-> _]|[t [Hp _]]] _]]]; [lia|]. apply Permutation_length in Hp. cbn in Hp.
    rewrite seq_length in Hp. lia. }
  pose proof (sum_compensated M N w p q e s HM Hf HN) as K. rewrite one_fewer in K by exact HN. specialize (K Hk H).
  unfold sound in HM.
  assert (E : gamma_compensated M N = u M + ((INR N - 1) * u M / (1 - (INR N - 1) * u M)) ^ 2).
  { unfold gamma_compensated. field. lra. }
  assert (F : kappa_compensated M N = 0) by (unfold kappa_compensated; rewrite Hf; ring).
  rewrite E, F. repeat split; try assumption; [|lra].
  pose proof (pow2_ge_0 ((INR N - 1) * u M / (1 - (INR N - 1) * u M))). lra.
Qed.

(* -------------------------------------------------------------------------------------------------------- runs *)

(* logsumexp: the sum of the exponentials of x_i - a, in any order, its logarithm, plus the shift. *)
Definition shifted_run (M : model) (N : nat) (x xh : nat -> R) (a ah : R) (d w : nat -> R) (s l r : R) : Prop :=
  reads M a ah /\ exponentials M N x xh ah d w /\ sums_entries M N w s /\ takes_log M s l /\ adds M ah l r.

(* The same where the sum is a tree of additions of height at most h. *)
Definition pairwise_run (M : model) (h N : nat) (x xh : nat -> R) (a ah : R) (d w : nat -> R) (s l r : R) : Prop :=
  reads M a ah /\ exponentials M N x xh ah d w /\ sums_pairwise M h N w s /\ takes_log M s l /\ adds M ah l r.

(* The same where the sum is compensated: p are its partial sums, q what was lost, e the sum of that. *)
Definition compensated_run (M : model) (N : nat) (x xh : nat -> R) (a ah : R) (d w p q : nat -> R) (e s l r : R)
  : Prop :=
  reads M a ah /\ exponentials M N x xh ah d w /\ run_compensated M N w p q e s /\ takes_log M s l /\ adds M ah l r.

(* The maximum x_k, plus log1p of the sum of the other exponentials. *)
Definition log1p_run (M : model) (N : nat) (x xh : nat -> R) (k : nat) (d w : nat -> R) (s l r : R) : Prop :=
  in_range N k /\ xh k = largest N xh /\ exponentials M N x xh (xh k) d w /\ sums_others M N k w s /\
  takes_log1p M s l /\ adds M (xh k) l r.

(* Nothing is subtracted. *)
Definition naive_run (M : model) (N : nat) (x xh w : nat -> R) (s r : R) : Prop :=
  (forall i, in_range N i -> reads M (x i) (xh i) /\ exponentiates M (xh i) (w i)) /\
  sums_entries M N w s /\ takes_log M s r.

(* The pass with a running maximum, which rises `rises` times. *)
Definition online_run (M : model) (N : nat) (x xh : nat -> R) (rises : nat) (m s l r : R) : Prop :=
  (forall i, in_range N i -> reads M (x i) (xh i)) /\ online M xh N m s rises /\ takes_log M s l /\ adds M m l r.

(* A tree of merges of height at most h. *)
Definition merged_run (M : model) (h N : nat) (x xh : nat -> R) (m s l r : R) : Prop :=
  (forall i, in_range N i -> reads M (x i) (xh i)) /\ merged M xh 0 N h m s /\ takes_log M s l /\ adds M m l r.

(* A fold of logaddexp. *)
Definition chained_run (M : model) (N : nat) (x xh : nat -> R) (r : R) : Prop :=
  (forall i, in_range N i -> reads M (x i) (xh i)) /\ chained M xh N r.

(* Softmax, entry j: the quotient of its exponential and the sum. *)
Definition softmax_run (M : model) (N : nat) (x xh : nat -> R) (a ah : R) (d w : nat -> R) (s : R) (j : nat) (r : R)
  : Prop :=
  in_range N j /\ reads M a ah /\ exponentials M N x xh ah d w /\ sums_entries M N w s /\ divides M (w j) s r.

(* Nothing is subtracted. *)
Definition softmax_naive_run (M : model) (N : nat) (x xh w : nat -> R) (s : R) (j : nat) (r : R) : Prop :=
  in_range N j /\ (forall i, in_range N i -> reads M (x i) (xh i) /\ exponentiates M (xh i) (w i)) /\
  sums_entries M N w s /\ divides M (w j) s r.

(* The sum of the online pass, and the exponentials measured from its final maximum. *)
Definition softmax_online_run (M : model) (N : nat) (x xh : nat -> R) (rises : nat) (m s : R) (d w : nat -> R)
  (j : nat) (r : R) : Prop :=
  in_range N j /\ online M xh N m s rises /\ exponentials M N x xh m d w /\ divides M (w j) s r.

(* The exponential of x_j - y for a number y; xj is what was read of x_j. *)
Definition division_free_run (M : model) (N : nat) (x : nat -> R) (y : R) (j : nat) (xj t r : R) : Prop :=
  in_range N j /\ reads M (x j) xj /\ subtracts M xj y t /\ exponentiates M t r.

(* log_softmax, entry j: the difference t of x_j with the shift, less the logarithm of the sum. *)
Definition log_softmax_run (M : model) (N : nat) (x xh : nat -> R) (a ah : R) (d w : nat -> R) (s l : R) (j : nat)
  (t r : R) : Prop :=
  in_range N j /\ reads M a ah /\ exponentials M N x xh ah d w /\ sums_entries M N w s /\ takes_log M s l /\
  subtracts M (xh j) ah t /\ subtracts M t l r.

(* The same through log1p of the sum without the maximum. *)
Definition log_softmax_log1p_run (M : model) (N : nat) (x xh : nat -> R) (k : nat) (d w : nat -> R) (s l : R)
  (j : nat) (t r : R) : Prop :=
  in_range N j /\ in_range N k /\ xh k = largest N xh /\ exponentials M N x xh (xh k) d w /\ sums_others M N k w s /\
  takes_log1p M s l /\ subtracts M (xh j) (xh k) t /\ subtracts M t l r.

(* --------------------------------------------------------------------------------------------------- logsumexp *)

Definition bound_logsumexp_shifted_log1p (M : model) (terms : nat) (y L tail drift : R) : R :=
  lse_log1p M (tail_error M (stretch M) (gamma_others M terms) (kappa_others M terms) drift tail (INR terms - 1) L) L y.

(* The maximum plus log1p of the sum of the other exponentials. *)
Theorem logsumexp_shifted_log1p : forall M N x xh k d w s l r, sound M -> log1p_run M N x xh k d w s l r ->
  tail_error M (stretch M) (gamma_others M N) (kappa_others M N) (drift M N x (largest N x)) (tail N x) (INR N - 1)
    (lse N x - largest N x) < 1 ->
  Rabs (r - lse N x) <=
  bound_logsumexp_shifted_log1p M N (lse N x) (lse N x - largest N x) (tail N x) (drift M N x (largest N x)).
Proof.
  intros M N x xh k d w s l r HM (Hk & Ek & He & Hs & Hl & Hr). assert (HN : (1 <= N)%nat) by (destruct Hk; lia).
  destruct (sum_of_others M N k w s HM HN Hs) as (G & K & Hs').
  apply (lse_log1p_bound M _ _ N x xh k d w s l r HM G K HN). parts.
Qed.

Definition bound_logsumexp_shifted_log1p_entropy (M : model) (terms : nat) (y L tail H : R) : R :=
  lse_log1p M
    (tail_error M (stretch M) (gamma_others M terms) (kappa_others M terms) (drift_from_entropy M H L (INR terms)) tail
       (INR terms - 1) L) L y.

(* The same from the entropy of softmax x, without the entries. *)
Theorem logsumexp_shifted_log1p_entropy : forall M N x xh k d w s l r, sound M -> u M <= 1 / 256 ->
  log1p_run M N x xh k d w s l r ->
  tail_error M (stretch M) (gamma_others M N) (kappa_others M N)
    (drift_from_entropy M (entropy N x) (lse N x - largest N x) (INR N)) (tail N x) (INR N - 1)
    (lse N x - largest N x) < 1 ->
  Rabs (r - lse N x) <=
  bound_logsumexp_shifted_log1p_entropy M N (lse N x) (lse N x - largest N x) (tail N x) (entropy N x).
Proof.
  intros M N x xh k d w s l r HM Hu (Hk & Ek & He & Hs & Hl & Hr). assert (HN : (1 <= N)%nat) by (destruct Hk; lia).
  destruct (sum_of_others M N k w s HM HN Hs) as (G & K & Hs').
  apply (lse_log1p_entropy_bound M _ _ N x xh k d w s l r HM Hu G K HN).
  parts.
Qed.

Definition bound_logsumexp_shifted_log1p_any_x (M : model) (terms : nat) (y : R) : R :=
  lse_log1p M
    (tail_error M (stretch M) (gamma_others M terms) (kappa_others M terms) (drift_from_length M (INR terms))
       (1 - / INR terms) (INR terms - 1) 0) (ln (INR terms)) y.

(* The same from the length alone. *)
Theorem logsumexp_shifted_log1p_any_x : forall M N x xh k d w s l r, sound M -> log1p_run M N x xh k d w s l r ->
  tail_error M (stretch M) (gamma_others M N) (kappa_others M N) (drift_from_length M (INR N)) (1 - / INR N) (INR N - 1)
    0 < 1 ->
  Rabs (r - lse N x) <= bound_logsumexp_shifted_log1p_any_x M N (lse N x).
Proof.
  intros M N x xh k d w s l r HM (Hk & Ek & He & Hs & Hl & Hr). assert (HN : (1 <= N)%nat) by (destruct Hk; lia).
  destruct (sum_of_others M N k w s HM HN Hs) as (G & K & Hs').
  apply (lse_log1p_worst_case M _ _ N x xh k d w s l r HM G K HN). parts.
Qed.

Definition bound_logsumexp_shifted (M : model) (terms : nat) (y L theta drift : R) : R :=
  lse_shifted M (sum_error M (stretch M) (gamma_all M terms) (kappa_all M terms) drift theta (INR terms) L) L y.

(* The logarithm of the whole sum, shifted by the maximum. *)
Theorem logsumexp_shifted : forall M N x xh ah d w s l r theta, sound M ->
  (theta = 1 \/ (flush M = 0 /\ theta = tail N x)) -> shifted_run M N x xh (largest N x) ah d w s l r ->
  sum_error M (stretch M) (gamma_all M N) (kappa_all M N) (drift M N x (largest N x)) theta (INR N)
    (lse N x - largest N x) < 1 ->
  Rabs (r - lse N x) <=
  bound_logsumexp_shifted M N (lse N x) (lse N x - largest N x) theta (drift M N x (largest N x)).
Proof.
  intros M N x xh ah d w s l r theta HM Ht (Ha & He & Hs & Hl & Hr).
  destruct (sum_of_all M N w s HM Hs) as (HN & G & K & Hs').
  apply (lse_shifted_bound M _ _ N x xh ah d w s l r theta HM G K HN Ht). parts.
Qed.

Definition bound_logsumexp_chained (M : model) (terms : nat) (size : R) : R := lse_chained M terms size.

(* One more entry makes logsumexp larger. *)
Lemma lse_increases : forall n m x, (1 <= n <= m)%nat -> lse n x <= lse m x.
Proof.
  intros n m x H. induction m as [|m IH]; [lia|]. destruct (Nat.eq_dec n (S m)) as [->|Hn]; [lra|].
  apply Rle_trans with (lse m x); [apply IH; lia|]. rewrite lse_next by lia.
  rewrite <- (ln_exp (lse m x)) at 1. apply le_log; [apply exp_pos|]. pose proof (exp_pos (x (S m))). lra.
Qed.

(* The partial results of a fold lie between the first entry and the result. *)
Lemma size_of_chain : forall N x n, in_range N n -> Rabs (lse n x) <= Rmax (Rabs (x 1%nat)) (Rabs (lse N x)).
Proof.
  intros N x n Hn. unfold in_range in Hn. assert (L1 : lse 1 x = x 1%nat).
  { unfold lse. cbn [total]. rewrite Rplus_0_l. apply ln_exp. }
  pose proof (lse_increases 1 n x ltac:(lia)) as H1. pose proof (lse_increases n N x ltac:(lia)) as H2.
  rewrite L1 in H1. pose proof (Rmax_l (Rabs (x 1%nat)) (Rabs (lse N x))) as P.
  pose proof (Rmax_r (Rabs (x 1%nat)) (Rabs (lse N x))) as Q.
  pose proof (Rle_abs (lse N x)). pose proof (Rle_abs (- x 1%nat)) as R1. rewrite Rabs_Ropp in R1.
  apply Rabs_le. lra.
Qed.

(* A fold of logaddexp. *)
Theorem logsumexp_chained : forall M N x xh r, sound M -> 0 < u M -> chained_run M N x xh r -> pair_error M < 1 ->
  Rabs (r - lse N x) <= bound_logsumexp_chained M N (Rmax (Rabs (x 1%nat)) (Rabs (lse N x))).
Proof.
  intros M N x xh r HM Hu [Hx Hr] H1. apply (chained_bound M N x xh r _ HM Hu H1 Hx); [|exact Hr].
  intros n Hn. apply size_of_chain. exact Hn.
Qed.

Definition bound_logsumexp_naive (M : model) (terms : nat) (y : R) : R :=
  lse_naive M (sum_error M (expm1 (flush M)) (gamma_all M terms) (kappa_all M terms) 0 1 (INR terms) y) y.

(* The logarithm of the sum of the exponentials of the entries. *)
Theorem logsumexp_naive : forall M N x xh w s r, sound M -> naive_run M N x xh w s r ->
  sum_error M (expm1 (flush M)) (gamma_all M N) (kappa_all M N) 0 1 (INR N) (lse N x) < 1 ->
  Rabs (r - lse N x) <= bound_logsumexp_naive M N (lse N x).
Proof.
  intros M N x xh w s r HM (He & Hs & Hl). destruct (sum_of_all M N w s HM Hs) as (HN & G & K & Hs').
  apply (lse_naive_bound M _ _ N x xh w s r HM G K HN). parts.
Qed.

Definition bound_logsumexp_arbitrary_shift (M : model) (terms : nat) (y L drift : R) : R :=
  lse_shifted M (sum_error M (stretch M) (gamma_all M terms) (kappa_all M terms) drift 1 (INR terms) L) L y.

(* Shifted by any number. *)
Theorem logsumexp_arbitrary_shift : forall M N x xh a ah d w s l r, sound M ->
  shifted_run M N x xh a ah d w s l r ->
  sum_error M (stretch M) (gamma_all M N) (kappa_all M N) (drift M N x a) 1 (INR N) (lse N x - a) < 1 ->
  Rabs (r - lse N x) <= bound_logsumexp_arbitrary_shift M N (lse N x) (lse N x - a) (drift M N x a).
Proof.
  intros M N x xh a ah d w s l r HM (Ha & He & Hs & Hl & Hr).
  destruct (sum_of_all M N w s HM Hs) as (HN & G & K & Hs').
  apply (lse_arbitrary_shift_bound M _ _ N x xh a ah d w s l r HM G K HN). parts.
Qed.

Definition bound_logsumexp_online (M : model) (terms : nat) (y L drift : R) (rises : nat) : R :=
  lse_shifted M (online_error M terms rises drift L) L y.

(* The pass with a running maximum. *)
Theorem logsumexp_online : forall M N x xh rises m s l r, sound M -> online_run M N x xh rises m s l r ->
  online_error M N rises (drift M N x (largest N x)) (lse N x - largest N x) < 1 ->
  Rabs (r - lse N x) <=
  bound_logsumexp_online M N (lse N x) (lse N x - largest N x) (drift M N x (largest N x)) rises.
Proof.
  intros M N x xh rises m s l r HM (Hx & Ho & Hl & Hr).
  exact (lse_online_bound M N x xh m s rises l r HM Hx Ho Hl Hr).
Qed.

Definition bound_logsumexp_merged (M : model) (terms : nat) (y L drift : R) (height : nat) : R :=
  lse_shifted M (merged_error M terms height drift L) L y.

(* A tree of merges of height at most h. *)
Theorem logsumexp_merged : forall M h N x xh m s l r, sound M -> merged_run M h N x xh m s l r ->
  merged_error M N h (drift M N x (largest N x)) (lse N x - largest N x) < 1 ->
  Rabs (r - lse N x) <= bound_logsumexp_merged M N (lse N x) (lse N x - largest N x) (drift M N x (largest N x)) h.
Proof.
  intros M h N x xh m s l r HM (Hx & Ho & Hl & Hr).
  exact (lse_merged_bound M N x xh h m s l r HM Hx Ho Hl Hr).
Qed.

Definition bound_logsumexp_pairwise (M : model) (terms : nat) (y L theta drift : R) (height : nat) : R :=
  lse_shifted M
    (sum_error M (stretch M) (gamma_pairwise M height) (kappa_pairwise M terms height) drift theta (INR terms) L) L y.

(* Shifted by the maximum, with a sum whose additions form a tree of height at most h. *)
Theorem logsumexp_pairwise : forall M h N x xh ah d w s l r theta, sound M ->
  (theta = 1 \/ (flush M = 0 /\ theta = tail N x)) -> pairwise_run M h N x xh (largest N x) ah d w s l r ->
  sum_error M (stretch M) (gamma_pairwise M h) (kappa_pairwise M N h) (drift M N x (largest N x)) theta (INR N)
    (lse N x - largest N x) < 1 ->
  Rabs (r - lse N x) <=
  bound_logsumexp_pairwise M N (lse N x) (lse N x - largest N x) theta (drift M N x (largest N x)) h.
Proof.
  intros M h N x xh ah d w s l r theta HM Ht (Ha & He & Hs & Hl & Hr).
  destruct (sum_of_pairs M h N w s HM Hs) as (HN & G & K & Hs').
  apply (lse_shifted_bound M _ _ N x xh ah d w s l r theta HM G K HN Ht). parts.
Qed.

Definition bound_logsumexp_compensated (M : model) (terms : nat) (y L theta drift : R) : R :=
  lse_shifted M
    (sum_error M (stretch M) (gamma_compensated M terms) (kappa_compensated M terms) drift theta (INR terms) L) L y.

(* Shifted by the maximum, with a compensated sum, where nothing is flushed. *)
Theorem logsumexp_compensated : forall M N x xh ah d w p q e s l r theta, sound M -> flush M = 0 ->
  (INR N - 1) * u M < 1 -> (theta = 1 \/ (flush M = 0 /\ theta = tail N x)) ->
  compensated_run M N x xh (largest N x) ah d w p q e s l r ->
  sum_error M (stretch M) (gamma_compensated M N) (kappa_compensated M N) (drift M N x (largest N x)) theta (INR N)
    (lse N x - largest N x) < 1 ->
  Rabs (r - lse N x) <=
  bound_logsumexp_compensated M N (lse N x) (lse N x - largest N x) theta (drift M N x (largest N x)).
Proof.
  intros M N x xh ah d w p q e s l r theta HM Hf Hk Ht (Ha & He & Hs & Hl & Hr).
  destruct (sum_with_compensation M N w p q e s HM Hf Hk Hs) as (HN & G & K & Hs').
  apply (lse_shifted_bound M _ _ N x xh ah d w s l r theta HM G K HN Ht). parts.
Qed.

(* ----------------------------------------------------------------------------------------------------- softmax *)

Definition bound_softmax_shifted (M : model) (terms : nat) (L theta drift g q : R) : R :=
  softmax_entry M (stretch M)
    (sum_error M (stretch M) (gamma_all M terms) (kappa_all M terms) drift theta (INR terms) L) g q L.

(* An entry, shifted by the maximum. *)
Theorem softmax_shifted : forall M N x xh ah d w s j r theta, sound M ->
  (theta = 1 \/ (flush M = 0 /\ theta = tail N x)) -> softmax_run M N x xh (largest N x) ah d w s j r ->
  sum_error M (stretch M) (gamma_all M N) (kappa_all M N) (drift M N x (largest N x)) theta (INR N)
    (lse N x - largest N x) < 1 ->
  Rabs (r - softmax N x j) <=
  bound_softmax_shifted M N (lse N x - largest N x) theta (drift M N x (largest N x)) (softmax N x j)
    (softmax N x j * expm1 (u M * Rabs (x j - largest N x))).
Proof.
  intros M N x xh ah d w s j r theta HM Ht (Hj & Ha & He & Hs & Hr).
  destruct (sum_of_all M N w s HM Hs) as (HN & G & K & Hs').
  apply (softmax_shifted_bound M _ _ N x xh (largest N x) ah d w s j r theta HM G K Hj);
    [parts | tauto].
Qed.

Definition bound_softmax_shifted_normwise (M : model) (terms : nat) (L theta drift : R) : R :=
  softmax_norm M (stretch M)
    (sum_error M (stretch M) (gamma_all M terms) (kappa_all M terms) drift theta (INR terms) L) L.

(* Relative to the largest entry. *)
Theorem softmax_shifted_normwise : forall M N x xh ah d w s j r theta, sound M ->
  (theta = 1 \/ (flush M = 0 /\ theta = tail N x)) -> softmax_run M N x xh (largest N x) ah d w s j r ->
  sum_error M (stretch M) (gamma_all M N) (kappa_all M N) (drift M N x (largest N x)) theta (INR N)
    (lse N x - largest N x) < 1 ->
  Rabs (r - softmax N x j) <=
  bound_softmax_shifted_normwise M N (lse N x - largest N x) theta (drift M N x (largest N x)) *
  largest N (softmax N x).
Proof.
  intros M N x xh ah d w s j r theta HM Ht (Hj & Ha & He & Hs & Hr).
  destruct (sum_of_all M N w s HM Hs) as (HN & G & K & Hs').
  apply (softmax_norm_bound M _ _ N x xh ah d w s j r theta HM G K Hj); [parts | exact Ht].
Qed.

Definition bound_softmax_division_free_naive (M : model) (terms : nat) (y g zdrift : R) : R :=
  softmax_division_free M
    (lse_naive M (sum_error M (expm1 (flush M)) (gamma_all M terms) (kappa_all M terms) 0 1 (INR terms) y) y) g zdrift.

(* The exponential of x_j less the computed logsumexp yh without a shift. *)
Theorem softmax_division_free_naive : forall M N x xh w s yh j xj t r, sound M -> naive_run M N x xh w s yh ->
  division_free_run M N x yh j xj t r ->
  sum_error M (expm1 (flush M)) (gamma_all M N) (kappa_all M N) 0 1 (INR N) (lse N x) < 1 ->
  Rabs (r - softmax N x j) <=
  bound_softmax_division_free_naive M N (lse N x) (softmax N x j)
    (softmax N x j * expm1 (u M * Rabs (x j - lse N x))).
Proof.
  intros M N x xh w s yh j xj t r HM Hy (Hj & Hx & Hd & Hr) H1.
  apply (softmax_division_free_bound M N x (fun _ => xj) yh _ j t r HM Hj); [|parts].
  exact (logsumexp_naive M N x xh w s yh HM Hy H1).
Qed.

Definition bound_softmax_division_free (M : model) (terms : nat) (y L theta drift g zdrift : R) : R :=
  softmax_division_free M
    (lse_shifted M (sum_error M (stretch M) (gamma_all M terms) (kappa_all M terms) drift theta (INR terms) L) L y)
    g zdrift.

(* The exponential of x_j less the computed shifted logsumexp yh. *)
Theorem softmax_division_free : forall M N x xh ah d w s l yh theta j xj t r, sound M ->
  (theta = 1 \/ (flush M = 0 /\ theta = tail N x)) -> shifted_run M N x xh (largest N x) ah d w s l yh ->
  division_free_run M N x yh j xj t r ->
  sum_error M (stretch M) (gamma_all M N) (kappa_all M N) (drift M N x (largest N x)) theta (INR N)
    (lse N x - largest N x) < 1 ->
  Rabs (r - softmax N x j) <=
  bound_softmax_division_free M N (lse N x) (lse N x - largest N x) theta (drift M N x (largest N x)) (softmax N x j)
    (softmax N x j * expm1 (u M * Rabs (x j - lse N x))).
Proof.
  intros M N x xh ah d w s l yh theta j xj t r HM Ht Hy (Hj & Hx & Hd & Hr) H1.
  apply (softmax_division_free_bound M N x (fun _ => xj) yh _ j t r HM Hj); [|parts].
  exact (logsumexp_shifted M N x xh ah d w s l yh theta HM Ht Hy H1).
Qed.

Definition bound_softmax_division_free_normwise (M : model) (terms : nat) (y L theta drift : R) : R :=
  division_free_norm M
    (lse_shifted M (sum_error M (stretch M) (gamma_all M terms) (kappa_all M terms) drift theta (INR terms) L) L y) L.

(* Relative to the largest entry. *)
Theorem softmax_division_free_normwise : forall M N x xh ah d w s l yh theta j xj t r, sound M ->
  (theta = 1 \/ (flush M = 0 /\ theta = tail N x)) -> shifted_run M N x xh (largest N x) ah d w s l yh ->
  division_free_run M N x yh j xj t r ->
  sum_error M (stretch M) (gamma_all M N) (kappa_all M N) (drift M N x (largest N x)) theta (INR N)
    (lse N x - largest N x) < 1 ->
  Rabs (r - softmax N x j) <=
  bound_softmax_division_free_normwise M N (lse N x) (lse N x - largest N x) theta (drift M N x (largest N x)) *
  largest N (softmax N x).
Proof.
  intros M N x xh ah d w s l yh theta j xj t r HM Ht Hy (Hj & Hx & Hd & Hr) H1.
  apply (division_free_norm_bound M N x (fun _ => xj) yh _ j t r HM Hj); [|parts].
  exact (logsumexp_shifted M N x xh ah d w s l yh theta HM Ht Hy H1).
Qed.

Definition bound_softmax_division_free_against_the_quotient (M : model) (terms : nat)
  (y L theta drift g q zdrift : R) : R :=
  Formulas.softmax_division_free M
    (lse_shifted M (sum_error M (stretch M) (gamma_all M terms) (kappa_all M terms) drift theta (INR terms) L) L y)
    g zdrift
  + softmax_entry M (stretch M)
      (sum_error M (stretch M) (gamma_all M terms) (kappa_all M terms) drift theta (INR terms) L) g q L.

(* How far the computed entry without a division, f, is from that with a division, r: a gradient of logsumexp from
   softmax itself. The two may share their exponentials and their sum, or not. *)
Theorem softmax_division_free_against_the_quotient :
  forall M N x xh ah d w s j r xh' ah' d' w' s' l yh theta xj t f, sound M ->
  (theta = 1 \/ (flush M = 0 /\ theta = tail N x)) -> softmax_run M N x xh (largest N x) ah d w s j r ->
  shifted_run M N x xh' (largest N x) ah' d' w' s' l yh -> division_free_run M N x yh j xj t f ->
  sum_error M (stretch M) (gamma_all M N) (kappa_all M N) (drift M N x (largest N x)) theta (INR N)
    (lse N x - largest N x) < 1 ->
  Rabs (f - r) <=
  bound_softmax_division_free_against_the_quotient M N (lse N x) (lse N x - largest N x) theta
    (drift M N x (largest N x)) (softmax N x j) (softmax N x j * expm1 (u M * Rabs (x j - largest N x)))
    (softmax N x j * expm1 (u M * Rabs (x j - lse N x))).
Proof.
  intros M N x xh ah d w s j r xh' ah' d' w' s' l yh theta xj t f HM Ht (Hj & Ha & He & Hs & Hr) Hy (_ & Hx & Hd & Hf)
    H1.
  destruct (sum_of_all M N w s HM Hs) as (HN & G & K & Hs').
  apply (gradient_bound M _ _ N x xh (largest N x) ah d w s j r theta (fun _ => xj) yh _ t f HM G K Hj).
  - parts.
  - tauto.
  - exact H1.
  - exact (logsumexp_shifted M N x xh' ah' d' w' s' l yh theta HM Ht Hy H1).
  - parts.
Qed.

Definition bound_softmax_naive (M : model) (terms : nat) (y g : R) : R :=
  softmax_entry M (expm1 (flush M))
    (sum_error M (expm1 (flush M)) (gamma_all M terms) (kappa_all M terms) 0 1 (INR terms) y) g 0 y.

(* An entry without a shift. *)
Theorem softmax_naive : forall M N x xh w s j r, sound M -> softmax_naive_run M N x xh w s j r ->
  sum_error M (expm1 (flush M)) (gamma_all M N) (kappa_all M N) 0 1 (INR N) (lse N x) < 1 ->
  Rabs (r - softmax N x j) <= bound_softmax_naive M N (lse N x) (softmax N x j).
Proof.
  intros M N x xh w s j r HM (Hj & He & Hs & Hr). destruct (sum_of_all M N w s HM Hs) as (HN & G & K & Hs').
  apply (softmax_naive_bound M _ _ N x xh w s j r HM G K Hj). parts.
Qed.

Definition bound_softmax_online (M : model) (terms : nat) (L drift g q : R) (rises : nat) : R :=
  softmax_entry M (stretch M) (online_error M terms rises drift L) g q L.

(* An entry with the sum of the pass with a running maximum. *)
Theorem softmax_online : forall M N x xh rises m s d w j r, sound M ->
  softmax_online_run M N x xh rises m s d w j r ->
  online_error M N rises (drift M N x (largest N x)) (lse N x - largest N x) < 1 ->
  Rabs (r - softmax N x j) <=
  bound_softmax_online M N (lse N x - largest N x) (drift M N x (largest N x)) (softmax N x j)
    (softmax N x j * expm1 (u M * Rabs (x j - largest N x))) rises.
Proof.
  intros M N x xh rises m s d w j r HM (Hj & H).
  exact (softmax_online_bound M N x xh m s rises d w j r HM Hj H).
Qed.

(* ------------------------------------------------------------------------------------------------- log_softmax *)

Definition bound_log_softmax_shifted_log1p (M : model) (terms : nat) (L tail drift D z : R) : R :=
  log_softmax_shifted M
    (log_error (log1p_rel M) (log1p_abs M)
       (tail_error M (stretch M) (gamma_others M terms) (kappa_others M terms) drift tail (INR terms - 1) L) L) D z.

(* The difference with the maximum, less log1p of the sum of the other exponentials. *)
Theorem log_softmax_shifted_log1p : forall M N x xh k d w s l j t r, sound M ->
  log_softmax_log1p_run M N x xh k d w s l j t r ->
  tail_error M (stretch M) (gamma_others M N) (kappa_others M N) (drift M N x (largest N x)) (tail N x) (INR N - 1)
    (lse N x - largest N x) < 1 ->
  Rabs (r - log_softmax N x j) <=
  bound_log_softmax_shifted_log1p M N (lse N x - largest N x) (tail N x) (drift M N x (largest N x))
    (Rabs (x j - largest N x)) (log_softmax N x j).
Proof.
  intros M N x xh k d w s l j t r HM (Hj & Hk & Ek & He & Hs & Hl & Ht & Hr).
  assert (HN : (1 <= N)%nat) by (destruct Hk; lia).
  destruct (sum_of_others M N k w s HM HN Hs) as (G & K & Hs').
  apply (log_softmax_log1p_bound M _ _ N x xh k d w s l j t r HM G K HN).
  parts.
Qed.

Definition bound_log_softmax_shifted (M : model) (terms : nat) (L theta drift D z : R) : R :=
  log_softmax_shifted M
    (log_error (log_rel M) (log_abs M)
       (sum_error M (stretch M) (gamma_all M terms) (kappa_all M terms) drift theta (INR terms) L) L) D z.

(* The difference with the maximum, less the logarithm of the whole sum. *)
Theorem log_softmax_shifted : forall M N x xh ah d w s l j t r theta, sound M ->
  (theta = 1 \/ (flush M = 0 /\ theta = tail N x)) -> log_softmax_run M N x xh (largest N x) ah d w s l j t r ->
  sum_error M (stretch M) (gamma_all M N) (kappa_all M N) (drift M N x (largest N x)) theta (INR N)
    (lse N x - largest N x) < 1 ->
  Rabs (r - log_softmax N x j) <=
  bound_log_softmax_shifted M N (lse N x - largest N x) theta (drift M N x (largest N x)) (Rabs (x j - largest N x))
    (log_softmax N x j).
Proof.
  intros M N x xh ah d w s l j t r theta HM H (Hj & Ha & He & Hs & Hl & Ht & Hr).
  destruct (sum_of_all M N w s HM Hs) as (HN & G & K & Hs').
  apply (log_softmax_shifted_bound M _ _ N x xh (largest N x) ah d w s l j t r theta HM G K HN); [tauto|].
  parts.
Qed.

Definition bound_log_softmax_composed (M : model) (terms : nat) (y L theta drift z : R) : R :=
  log_softmax_composed M
    (lse_shifted M (sum_error M (stretch M) (gamma_all M terms) (kappa_all M terms) drift theta (INR terms) L) L y) z.

(* x_j, of which xj was read, less the computed shifted logsumexp yh. *)
Theorem log_softmax_composed : forall M N x xh ah d w s l yh theta j xj r, sound M ->
  (theta = 1 \/ (flush M = 0 /\ theta = tail N x)) -> shifted_run M N x xh (largest N x) ah d w s l yh ->
  reads M (x j) xj -> subtracts M xj yh r ->
  sum_error M (stretch M) (gamma_all M N) (kappa_all M N) (drift M N x (largest N x)) theta (INR N)
    (lse N x - largest N x) < 1 ->
  Rabs (r - log_softmax N x j) <=
  bound_log_softmax_composed M N (lse N x) (lse N x - largest N x) theta (drift M N x (largest N x))
    (log_softmax N x j).
Proof.
  intros M N x xh ah d w s l yh theta j xj r HM Ht Hy Hx Hr H1.
  apply (log_softmax_composed_any M N x xj j yh _ r HM Hx); [|exact Hr].
  exact (logsumexp_shifted M N x xh ah d w s l yh theta HM Ht Hy H1).
Qed.

Definition bound_log_softmax_log_of_softmax (M : model) (terms : nat) (L theta drift z g q : R) : R :=
  log_of_softmax M
    (softmax_entry M (stretch M)
       (sum_error M (stretch M) (gamma_all M terms) (kappa_all M terms) drift theta (INR terms) L) g q L / g) z.

(* The logarithm of the computed softmax entry p. *)
Theorem log_softmax_log_of_softmax : forall M N x xh ah d w s j p r theta, sound M ->
  (theta = 1 \/ (flush M = 0 /\ theta = tail N x)) -> softmax_run M N x xh (largest N x) ah d w s j p ->
  takes_log M p r ->
  sum_error M (stretch M) (gamma_all M N) (kappa_all M N) (drift M N x (largest N x)) theta (INR N)
    (lse N x - largest N x) < 1 ->
  bound_softmax_shifted M N (lse N x - largest N x) theta (drift M N x (largest N x)) (softmax N x j)
    (softmax N x j * expm1 (u M * Rabs (x j - largest N x))) / softmax N x j < 1 ->
  Rabs (r - log_softmax N x j) <=
  bound_log_softmax_log_of_softmax M N (lse N x - largest N x) theta (drift M N x (largest N x)) (log_softmax N x j)
    (softmax N x j) (softmax N x j * expm1 (u M * Rabs (x j - largest N x))).
Proof.
  intros M N x xh ah d w s j p r theta HM Ht Hp Hr H1 H2. assert (HN : (1 <= N)%nat) by (destruct Hp as [[? ?] _]; lia).
  apply (log_of_softmax_bound M N x j p _ r HM HN); [|exact H2 | exact Hr].
  replace (_ / softmax N x j * softmax N x j) with
    (bound_softmax_shifted M N (lse N x - largest N x) theta (drift M N x (largest N x)) (softmax N x j)
       (softmax N x j * expm1 (u M * Rabs (x j - largest N x)))).
  - exact (softmax_shifted M N x xh ah d w s j p theta HM Ht Hp H1).
  - unfold bound_softmax_shifted. field. pose proof (softmax_positive N x j HN). lra.
Qed.

(* ------------------------------------------------------------------------------------------------- two numbers *)

(* The vector (p, q). *)
Definition two (p q : R) : nat -> R := fun i => if Nat.eqb i 2 then q else p.

(* Its entries are two. *)
Lemma in_range_two : forall i, in_range 2 i -> i = 1%nat \/ i = 2%nat.
Proof. unfold in_range. intros i H. lia. Qed.

(* The larger of them. *)
Lemma largest_two : forall p q, largest 2 (two p q) = Rmax p q.
Proof. reflexivity. Qed.

(* logsumexp of (p, q), *)
Lemma lse_two : forall p q, lse 2 (two p q) = ln (exp p + exp q).
Proof. intros p q. unfold lse, two. cbn. f_equal. ring. Qed.

(* less the larger. *)
Lemma lse_above_two : forall p q, lse 2 (two p q) - Rmax p q = ln (1 + exp (- Rabs (p - q))).
Proof.
  intros p q. rewrite lse_two, logaddexp_split.
  replace (Rmax p q - Rmin p q) with (Rabs (p - q)); [ring|].
  unfold Rmax, Rmin. destruct (Rle_dec p q); [rewrite Rabs_left1 | rewrite Rabs_pos_eq]; lra.
Qed.

(* The weight of the smaller. *)
Lemma tail_two : forall p q, tail 2 (two p q) = / (1 + exp (Rabs (p - q))).
Proof.
  intros p q. unfold tail. rewrite largest_two, lse_above_two. pose proof (exp_pos (Rabs (p - q))) as P.
  rewrite exp_Ropp, exp_ln by (rewrite exp_Ropp; pose proof (Rinv_0_lt_compat _ P); lra).
  rewrite exp_Ropp. field. split; lra.
Qed.

(* The drift: that of the smaller. *)
Lemma drift_two : forall M p q,
  drift M 2 (two p q) (Rmax p q) = expm1 (u M * Rabs (p - q)) / (1 + exp (Rabs (p - q))).
Proof.
  intros M p q. assert (E0 : expm1 (u M * Rabs 0) = 0) by (unfold expm1; rewrite Rabs_R0, Rmult_0_r, exp_0; ring).
  unfold drift, two. cbn [total Nat.eqb]. pose proof (exp_pos (Rabs (p - q))) as P. destruct (Rle_or_lt p q) as [H|H].
  - rewrite Rmax_right by exact H. replace (q - q) with 0 by ring. rewrite exp_0, E0.
    assert (A : exp (p - q) = / exp (Rabs (p - q))) by (rewrite <- exp_Ropp; f_equal; rewrite Rabs_left1; lra).
    rewrite A. field. split; lra.
  - rewrite Rmax_left by lra. replace (p - p) with 0 by ring. rewrite exp_0, E0.
    rewrite <- (Rabs_Ropp (q - p)). replace (- (q - p)) with (p - q) by ring.
    assert (A : exp (q - p) = / exp (Rabs (p - q))) by (rewrite <- exp_Ropp; f_equal; rewrite Rabs_pos_eq; lra).
    rewrite A. field. split; lra.
Qed.

(* There is no sum of others with an error. *)
Lemma others_of_two : forall M, gamma_others M 2 = 0 /\ kappa_others M 2 = 0 /\ INR 2 - 1 = 1.
Proof.
  intro M. unfold kappa_others, gamma_others. replace (INR 2 - 2) with 0 by (cbn; ring). rewrite Rmax_left by lra.
  cbn. repeat split; ring.
Qed.

(* A difference with itself is 0, and its exponential 1. *)
Lemma nothing_subtracted : forall M p, sound M -> subtracts M p p 0 /\ exponentiates M 0 1.
Proof.
  intros M p HM. unfold sound in HM. unfold subtracts, adds, exponentiates. rewrite exp_0, Rplus_opp_r.
  replace (0 - 0) with 0 by ring. replace (1 - 1) with 0 by ring. rewrite Rabs_R0. repeat split; intros; lra.
Qed.

(* logaddexp is the maximum plus log1p of the other exponential, of two entries. *)
Lemma logaddexp_is_log1p : forall M p q ph qh r, sound M -> reads M p ph -> reads M q qh -> run_logaddexp M ph qh r ->
  exists k d w s l, log1p_run M 2 (two p q) (two ph qh) k d w s l r.
Proof.
  intros M p q ph qh r HM Hp Hq (d & w & l & Hd & Hw & Hl & Hr).
  assert (L : largest 2 (two ph qh) = Rmax ph qh) by reflexivity.
  destruct (Rle_or_lt ph qh) as [H|H].
  - rewrite Rmin_left, Rmax_right in Hd by exact H. rewrite Rmax_right in Hr, L by exact H.
    destruct (nothing_subtracted M qh HM) as [N0 N1].
    exists 2%nat, (two d 0), (two w 1), w, l. split; [unfold in_range; lia|]. split; [symmetry; exact L|].
    split; [intros i Hi; destruct (in_range_two i Hi) as [-> | ->]; cbn; parts|].
    split; [|parts]. right. exists (leaf 1). split; [apply perm_swap | exact (tree_sum_leaf M (two w 1) 1)].
  - rewrite Rmin_right, Rmax_left in Hd by lra. rewrite Rmax_left in Hr, L by lra.
    destruct (nothing_subtracted M ph HM) as [N0 N1].
    exists 1%nat, (two 0 d), (two 1 w), w, l. split; [unfold in_range; lia|]. split; [symmetry; exact L|].
    split; [intros i Hi; destruct (in_range_two i Hi) as [-> | ->]; cbn; parts|].
    split; [|parts]. right. exists (leaf 2). split; [apply Permutation_refl | exact (tree_sum_leaf M (two 1 w) 2)].
Qed.

(* logaddexp: the larger of p and q, plus log1p of exp(-|p - q|). *)
Theorem logaddexp_shifted_log1p : forall M p q ph qh r, sound M -> reads M p ph -> reads M q qh ->
  run_logaddexp M ph qh r ->
  tail_error M (stretch M) 0 0 (expm1 (u M * Rabs (p - q)) / (1 + exp (Rabs (p - q)))) (/ (1 + exp (Rabs (p - q)))) 1
    (ln (1 + exp (- Rabs (p - q)))) < 1 ->
  Rabs (r - ln (exp p + exp q)) <=
  bound_logsumexp_shifted_log1p M 2 (ln (exp p + exp q)) (ln (1 + exp (- Rabs (p - q)))) (/ (1 + exp (Rabs (p - q))))
    (expm1 (u M * Rabs (p - q)) / (1 + exp (Rabs (p - q)))).
Proof.
  intros M p q ph qh r HM Hp Hq H H1. destruct (logaddexp_is_log1p M p q ph qh r HM Hp Hq H) as (k & d & w & s & l & K).
  pose proof (logsumexp_shifted_log1p M 2 (two p q) (two ph qh) k d w s l r HM K) as B.
  destruct (others_of_two M) as (E1 & E2 & E3).
  rewrite E1, E2, E3, largest_two, lse_above_two, tail_two, drift_two, lse_two in B. exact (B H1).
Qed.

(* softplus of z is logaddexp of 0 and z. *)
Theorem softplus_shifted_log1p : forall M z zh r, sound M -> reads M z zh -> run_logaddexp M 0 zh r ->
  tail_error M (stretch M) 0 0 (expm1 (u M * Rabs z) / (1 + exp (Rabs z))) (/ (1 + exp (Rabs z))) 1
    (ln (1 + exp (- Rabs z))) < 1 ->
  Rabs (r - ln (1 + exp z)) <=
  bound_logsumexp_shifted_log1p M 2 (ln (1 + exp z)) (ln (1 + exp (- Rabs z))) (/ (1 + exp (Rabs z)))
    (expm1 (u M * Rabs z) / (1 + exp (Rabs z))).
Proof.
  intros M z zh r HM Hz H. assert (H0 : reads M 0 0).
  { unfold reads. rewrite Rminus_0_r, Rabs_R0. unfold sound in HM. lra. }
  pose proof (logaddexp_shifted_log1p M 0 z 0 zh r HM H0 Hz H) as B.
  replace (0 - z) with (- z) in B by ring. rewrite Rabs_Ropp, exp_0 in B. exact B.
Qed.

(* The second entry of softmax of (0, z): the larger of 0 and z is subtracted from both. *)
Definition sigmoid_run (M : model) (zh m d0 d1 w0 w1 s r : R) : Prop :=
  m = Rmax 0 zh /\ subtracts M 0 m d0 /\ exponentiates M d0 w0 /\ subtracts M zh m d1 /\ exponentiates M d1 w1 /\
  adds_nearest M w0 w1 s /\ divides M w1 s r.

(* The sigmoid of z, 1 / (1 + exp(-z)). *)
Theorem sigmoid_shifted : forall M z zh m d0 d1 w0 w1 s r theta, sound M ->
  (theta = 1 \/ (flush M = 0 /\ theta = / (1 + exp (Rabs z)))) -> reads M z zh ->
  sigmoid_run M zh m d0 d1 w0 w1 s r ->
  sum_error M (stretch M) (gamma_all M 2) (kappa_all M 2) (expm1 (u M * Rabs z) / (1 + exp (Rabs z))) theta 2
    (ln (1 + exp (- Rabs z))) < 1 ->
  Rabs (r - 1 / (1 + exp (- z))) <=
  bound_softmax_shifted M 2 (ln (1 + exp (- Rabs z))) theta (expm1 (u M * Rabs z) / (1 + exp (Rabs z)))
    (1 / (1 + exp (- z))) (1 / (1 + exp (- z)) * expm1 (u M * Rmax 0 (- z))).
Proof.
  intros M z zh m d0 d1 w0 w1 s r theta HM Ht Hz (-> & Hd0 & Hw0 & Hd1 & Hw1 & Hs & Hr) H1.
  assert (H0 : reads M 0 0).
  { unfold reads. rewrite Rminus_0_r, Rabs_R0. unfold sound in HM. lra. }
  assert (Hx : forall i, in_range 2 i -> reads M (two 0 z i) (two 0 zh i)).
  { intros i Hi. destruct (in_range_two i Hi) as [-> | ->]; assumption. }
  assert (Hrun : softmax_run M 2 (two 0 z) (two 0 zh) (largest 2 (two 0 z)) (Rmax 0 zh) (two d0 d1) (two w0 w1) s 2 r).
  { split; [unfold in_range; lia|]. split; [exact (Steps.reads_largest M 2 (two 0 z) (two 0 zh) ltac:(lia) Hx)|].
    split; [intros i Hi; destruct (in_range_two i Hi) as [-> | ->]; cbn; parts|].
    split; [|exact Hr]. exists (node (leaf 1) (leaf 2)). split; [apply Permutation_refl|].
    apply tree_sum_node with w0 w1; [exact (tree_sum_leaf M (two w0 w1) 1) | exact (tree_sum_leaf M (two w0 w1) 2) |].
    exact Hs. }
  assert (A : Rabs (0 - z) = Rabs z) by (replace (0 - z) with (- z) by ring; apply Rabs_Ropp).
  assert (Ht' : theta = 1 \/ (flush M = 0 /\ theta = tail 2 (two 0 z))) by (rewrite tail_two, A; exact Ht).
  pose proof (softmax_shifted M 2 (two 0 z) (two 0 zh) _ _ _ s 2 r theta HM Ht' Hrun) as B.
  change (softmax 2 (two 0 z) 2) with (softmax 2 (zero_and z) 2) in B. change (two 0 z 2%nat) with z in B.
  rewrite sigmoid_is_softmax, largest_two, lse_above_two, drift_two, A in B. change (INR 2) with 2 in B.
  replace (Rabs (z - Rmax 0 z)) with (Rmax 0 (- z)) in B; [exact (B H1)|].
  destruct (Rle_or_lt 0 z); [rewrite (Rmax_left 0 (- z)), (Rmax_right 0 z), Rabs_pos_eq
                            | rewrite (Rmax_right 0 (- z)), (Rmax_left 0 z), Rabs_left1]; lra.
Qed.

(* ------------------------------------------------------------------------------------------------- no overflow *)

(* A sum of all terms, and what it passes through, from what the terms come to at most. *)
Lemma all_in_range : forall M N w t s v Omega, sound M -> Permutation (leaves t) (seq 1 N) ->
  (forall i, in_range N i -> 0 <= w i) -> passes M w t s v ->
  total N w + (gamma_all M N * total N (fun i => Rabs (w i)) + kappa_all M N) <= Omega -> Rabs v <= Omega.
Proof.
  intros M N w t s v Omega HM Hp Hw H B. pose proof (tree_of_terms N t Hp) as HN.
  pose proof (sum_bounded M N w t s v HM Hp H) as K. rewrite one_fewer in K by exact HN.
  unfold kappa_all, gamma_all in B. rewrite <- (eq_total N (fun i => Rabs (w i)) w) in B at 1; [lra|].
  intros i Hi. apply Rabs_pos_eq, Hw, Hi.
Qed.

(* The numbers gamma and kappa of a sum of all terms are not negative. *)
Lemma all_nonnegative : forall M N, sound M -> (1 <= N)%nat -> 0 <= gamma_all M N /\ 0 <= kappa_all M N.
Proof.
  intros M N HM HN. unfold sound in HM.
  assert (P : 0 <= INR N - 1) by (rewrite <- one_fewer by exact HN; apply pos_INR).
  assert (G : 0 <= gamma_all M N) by (apply Rmult_le_pos; lra). split; [exact G|]. repeat apply Rmult_le_pos; lra.
Qed.

(* Shifted by the maximum: no number v that the tree of additions passes through exceeds Omega. *)
Theorem logsumexp_shifted_in_range : forall M N x xh ah d w t s v theta Omega, sound M ->
  (theta = 1 \/ (flush M = 0 /\ theta = tail N x)) -> reads M (largest N x) ah -> exponentials M N x xh ah d w ->
  Permutation (leaves t) (seq 1 N) -> passes M w t s v -> 0 < Omega ->
  (lse N x - largest N x) +
    sum_error M (stretch M) (gamma_all M N) (kappa_all M N) (drift M N x (largest N x)) theta (INR N)
      (lse N x - largest N x) <= ln Omega ->
  Rabs v <= Omega.
Proof.
  intros M N x xh ah d w t s v theta Omega HM Ht Ha He Hp H HO B. pose proof (tree_of_terms N t Hp) as HN.
  destruct (all_nonnegative M N HM HN) as [G K].
  apply (all_in_range M N w t s v Omega HM Hp); [intros i Hi; apply (He i Hi) | exact H|].
  apply (sum_stays_finite M _ _ N x xh (largest N x) ah d w theta Omega HM G K HN); try assumption. tauto.
Qed.

(* Shifted by any number. *)
Theorem logsumexp_arbitrary_shift_in_range : forall M N x xh a ah d w t s v Omega, sound M -> reads M a ah ->
  exponentials M N x xh ah d w -> Permutation (leaves t) (seq 1 N) -> passes M w t s v -> 0 < Omega ->
  (lse N x - a) +
    sum_error M (stretch M) (gamma_all M N) (kappa_all M N) (drift M N x a) 1 (INR N) (lse N x - a) <= ln Omega ->
  Rabs v <= Omega.
Proof.
  intros M N x xh a ah d w t s v Omega HM Ha He Hp H HO B. pose proof (tree_of_terms N t Hp) as HN.
  destruct (all_nonnegative M N HM HN) as [G K].
  apply (all_in_range M N w t s v Omega HM Hp); [intros i Hi; apply (He i Hi) | exact H|].
  apply (sum_stays_finite M _ _ N x xh a ah d w 1 Omega HM G K HN); try assumption. left. reflexivity.
Qed.

(* Through log1p: no number that the sum without the maximum passes through. *)
Theorem logsumexp_shifted_log1p_in_range : forall M N x xh k d w t s v Omega, sound M -> in_range N k ->
  xh k = largest N xh -> exponentials M N x xh (xh k) d w -> Permutation (k :: leaves t) (seq 1 N) ->
  passes M w t s v -> 0 < Omega ->
  (lse N x - largest N x) +
    tail_error M (stretch M) (gamma_others M N) (kappa_others M N) (drift M N x (largest N x)) (tail N x) (INR N - 1)
      (lse N x - largest N x) <= ln Omega ->
  Rabs v <= Omega.
Proof.
  intros M N x xh k d w t s v Omega HM Hk Ek He Hp H HO B. assert (HN : (1 <= N)%nat) by (destruct Hk; lia).
  assert (G : 0 <= gamma_others M N /\ 0 <= kappa_others M N).
  { unfold sound in HM. pose proof (Rmax_l 0 (INR N - 2)) as P.
    assert (G : 0 <= gamma_others M N) by (apply Rmult_le_pos; lra). split; [exact G|].
    repeat apply Rmult_le_pos; lra. }
  pose proof (tail_stays_finite M _ _ N x xh k d w Omega HM (proj1 G) (proj2 G) HN Hk Ek He HO B) as F.
  pose proof (sum_others_bounded M N k w t s v HM Hp H) as K. rewrite two_fewer in K by exact HN.
  unfold kappa_others, gamma_others in F.
  rewrite <- (eq_total N (fun i => Rabs (without k w i)) (without k w)) in F at 1; [lra|].
  intros i Hi. apply Rabs_pos_eq. unfold without. destruct (Nat.eqb i k); [lra | apply (He i Hi)].
Qed.

(* Nothing subtracted: lse x itself must be below ln Omega, with sigma. *)
Theorem logsumexp_naive_in_range : forall M N x xh w t s v Omega, sound M ->
  (forall i, in_range N i -> reads M (x i) (xh i) /\ exponentiates M (xh i) (w i)) ->
  Permutation (leaves t) (seq 1 N) -> passes M w t s v -> 0 < Omega ->
  lse N x + sum_error M (expm1 (flush M)) (gamma_all M N) (kappa_all M N) 0 1 (INR N) (lse N x) <= ln Omega ->
  Rabs v <= Omega.
Proof.
  intros M N x xh w t s v Omega HM He Hp H HO B. pose proof (tree_of_terms N t Hp) as HN.
  destruct (all_nonnegative M N HM HN) as [G K].
  apply (all_in_range M N w t s v Omega HM Hp); [intros i Hi; apply (He i Hi) | exact H|].
  set (c := total N w + (gamma_all M N * total N (fun i => Rabs (w i)) + kappa_all M N)).
  assert (Hc : sums (gamma_all M N) (kappa_all M N) N w c).
  { unfold sums, c.
    replace (_ - total N w) with (gamma_all M N * total N (fun i => Rabs (w i)) + kappa_all M N) by ring.
    rewrite Rabs_pos_eq; [lra|]. apply Rplus_le_le_0_compat; [|exact K]. apply Rmult_le_pos; [exact G|].
    apply total_at_least_zero. intros. apply Rabs_pos. }
  pose proof (sum_of_naive_exponentials_error M _ _ N x xh w c HM G K HN He Hc) as E. apply distance in E.
  assert (P : total N (fun i => exp (x i)) = exp (lse N x)).
  { unfold lse. symmetry. apply exp_ln. apply total_positive; [exact HN|]. intros. apply exp_pos. }
  pose proof (room_for_sum _ _ _ Omega P HO B). lra.
Qed.
