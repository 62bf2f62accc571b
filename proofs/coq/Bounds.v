(* The bounds, each in one statement: from the input, through the operations of the algorithm with its sum, to the
   closed form.

   For each bound there is one definition, bound_X, and one theorem, X. The definition is a number that depends on the
   model M of the arithmetic, on the number of terms and on a few exact quantities; the sum's own error is put in. The
   theorem says which exact quantities these are, and that what the algorithm computes is no further from the exact
   result. It assumes that the model is sound, the run of the algorithm, and that the relative error sigma of the sum
   is below 1: nothing of the entries. theta = 1 is right wherever no more is known of the exponentials; where nothing
   is flushed, that of the maximum is exact, and theta may be tail N x.

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
  u M + gamma_all M terms ^ 2 / (1 - gamma_all M terms) ^ 2.
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
  { unfold gamma_compensated, gamma_all. field. lra. }
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

