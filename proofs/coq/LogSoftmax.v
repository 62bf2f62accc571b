(* How far a computed log_softmax is from z = x_j - lse x, whichever way it is computed: as the difference with the
   maximum less the logarithm of the shifted sum, through log1p or not; as x_j less a computed logsumexp; as the
   logarithm of a computed softmax.

   The errors of the logarithms are those of LogSumExp.v, the closed forms those of Formulas.v: a is the shift,
   D = |x_j - a|, L = lse x - a. The last of the ways errs relative to |z| by as much as the softmax entry does relative
   to itself, so it says nothing where that entry underflows; the others do not depend on it.

   Source: Blanchard, Higham, Higham, IMA J. Numer. Anal. 41 (2021) 2311-2330. *)

From Coq Require Import Reals Lra Lia.
From ShiftProof Require Import Rules Model Formulas Steps LogSumExp.
Open Scope R_scope.

(* ------------------------------------------------------------------------------------------------------- runs *)

(* (x_j - a) - log(sum); t may be the difference d j or the same one computed again. *)
Definition run_log_softmax_shifted (M : model) (gamma kappa : R) (N : nat) (x xh : nat -> R) (a ah : R)
  (d w : nat -> R) (s l : R) (j : nat) (t r : R) : Prop :=
  reads M a ah /\ exponentials M N x xh ah d w /\ sums gamma kappa N w s /\ takes_log M s l /\
  in_range N j /\ subtracts M (xh j) ah t /\ subtracts M t l r.

(* The same with log1p of the sum without the maximum. *)
Definition run_log_softmax_log1p (M : model) (gamma kappa : R) (N : nat) (x xh : nat -> R) (k : nat)
  (d w : nat -> R) (s l : R) (j : nat) (t r : R) : Prop :=
  in_range N k /\ xh k = largest N xh /\ exponentials M N x xh (xh k) d w /\
  sums gamma kappa N (without k w) s /\ takes_log1p M s l /\
  in_range N j /\ subtracts M (xh j) (xh k) t /\ subtracts M t l r.

(* x_j less a computed logsumexp v. *)
Definition run_log_softmax_composed (M : model) (gamma kappa : R) (N : nat) (x xh : nat -> R) (a ah : R)
  (d w : nat -> R) (s l v : R) (j : nat) (r : R) : Prop :=
  run_shifted M gamma kappa N x xh a ah d w s l v /\ in_range N j /\ subtracts M (xh j) v r.

(* The same where the logsumexp is computed through log1p. *)
Definition run_log_softmax_composed_log1p (M : model) (gamma kappa : R) (N : nat) (x xh : nat -> R) (k : nat)
  (d w : nat -> R) (s l v : R) (j : nat) (r : R) : Prop :=
  run_log1p M gamma kappa N x xh k d w s l v /\ in_range N j /\ subtracts M (xh j) v r.

(* ------------------------------------------------------------------------------- a difference less a logarithm *)

(* A rounded difference less a logarithm that errs by e. *)
Lemma difference_less_log : forall M x a xh ah t l L e r, sound M -> reads M x xh -> reads M a ah ->
  subtracts M xh ah t -> Rabs (l - L) <= e -> subtracts M t l r ->
  Rabs (r - (x - a - L)) <= log_softmax_shifted M e (Rabs (x - a)) (x - a - L).
Proof.
  intros M x a xh ah t l L e r HM Hx Ha Ht Hl [Hr _].
  pose proof (distance _ _ _ (difference_step M x a xh ah t HM Hx Ha Ht)) as Hd. apply distance in Hl.
  assert (K : Rabs (t + - l - (x - a - L)) <= u M * Rabs (x - a) + zeta M + e) by (apply Rabs_le; lra).
  unfold sound in HM. unfold log_softmax_shifted.
  apply (rounded_step (u M) (flush M) r (t + - l) (x - a - L)); [lra | exact Hr | exact K].
Qed.

(* The bound grows with the error of the logarithm. *)
Lemma log_softmax_shifted_increases : forall M e e' D z, 0 <= u M -> e <= e' ->
  log_softmax_shifted M e D z <= log_softmax_shifted M e' D z.
Proof.
  intros M e e' D z Hu H. unfold log_softmax_shifted.
  pose proof (Rmult_le_compat_l (1 + u M) (u M * D + zeta M + e) (u M * D + zeta M + e')). lra.
Qed.

(* Through log1p. *)
Theorem log_softmax_log1p_bound : forall M gamma kappa N x xh k d w s l j t r, sound M -> 0 <= gamma -> 0 <= kappa ->
  (1 <= N)%nat -> run_log_softmax_log1p M gamma kappa N x xh k d w s l j t r ->
  let a := largest N x in
  let sigma := tail_error M (stretch M) gamma kappa (drift M N x a) (tail N x) (INR N - 1) (lse N x - a) in
  sigma < 1 -> Rabs (r - log_softmax N x j) <=
    log_softmax_shifted M (log_error (log1p_rel M) (log1p_abs M) sigma (lse N x - a)) (Rabs (x j - a))
                        (log_softmax N x j).
Proof.
  intros M gamma kappa N x xh k d w s l j t r HM Hg Hkap HN (Hk & Ek & He & Hs & Hl & Hj & Ht & Hr) a sigma H1.
  pose proof (tail_log M gamma kappa N x xh k d w s l HM Hg Hkap HN Hk Ek He Hs Hl H1) as K.
  destruct (maximum_as_read M N x xh k HN (fun i Hi => proj1 (He i Hi)) Hk Ek) as [Ha _].
  pose proof (difference_less_log M _ a _ _ t l _ _ r HM (proj1 (He j Hj)) Ha Ht K Hr) as B.
  fold a in B. replace (x j - a - (lse N x - a)) with (log_softmax N x j) in B by (unfold log_softmax; ring). exact B.
Qed.

(* Through the logarithm of the full sum; the shift is arbitrary if theta = 1. *)
Theorem log_softmax_shifted_bound : forall M gamma kappa N x xh a ah d w s l j t r theta, sound M -> 0 <= gamma ->
  0 <= kappa -> (1 <= N)%nat -> (theta = 1 \/ (flush M = 0 /\ a = largest N x /\ theta = tail N x)) ->
  run_log_softmax_shifted M gamma kappa N x xh a ah d w s l j t r ->
  let sigma := sum_error M (stretch M) gamma kappa (drift M N x a) theta (INR N) (lse N x - a) in
  sigma < 1 -> Rabs (r - log_softmax N x j) <=
    log_softmax_shifted M (log_error (log_rel M) (log_abs M) sigma (lse N x - a)) (Rabs (x j - a))
                        (log_softmax N x j).
Proof.
  intros M gamma kappa N x xh a ah d w s l j t r theta HM Hg Hkap HN Hth (Ha & He & Hs & Hl & Hj & Ht & Hr) sigma H1.
  pose proof (shifted_log M gamma kappa N x xh a ah d w s l theta HM Hg Hkap HN Hth Ha He Hs Hl H1) as K.
  pose proof (difference_less_log M _ a _ _ t l _ _ r HM (proj1 (He j Hj)) Ha Ht K Hr) as B.
  replace (x j - a - (lse N x - a)) with (log_softmax N x j) in B by (unfold log_softmax; ring). exact B.
Qed.

(* ------------------------------------------------------------------------------------ x_j less a logsumexp *)

(* x_j less a number that is within e of lse x, however it was computed. *)
Theorem log_softmax_composed_any : forall M N x xj j v e r, sound M -> reads M (x j) xj -> Rabs (v - lse N x) <= e ->
  subtracts M xj v r -> Rabs (r - log_softmax N x j) <= log_softmax_composed M e (log_softmax N x j).
Proof.
  intros M N x xj j v e r HM Hx Hv Hr. unfold log_softmax_composed, log_softmax.
  apply subtract_step with xj v; assumption.
Qed.

(* x_j less a shifted logsumexp. *)
Theorem log_softmax_composed_bound : forall M gamma kappa N x xh a ah d w s l v j r theta, sound M -> 0 <= gamma ->
  0 <= kappa -> (1 <= N)%nat -> (theta = 1 \/ (flush M = 0 /\ a = largest N x /\ theta = tail N x)) ->
  run_log_softmax_composed M gamma kappa N x xh a ah d w s l v j r ->
  let sigma := sum_error M (stretch M) gamma kappa (drift M N x a) theta (INR N) (lse N x - a) in
  sigma < 1 -> Rabs (r - log_softmax N x j) <=
    log_softmax_composed M (lse_shifted M sigma (lse N x - a) (lse N x)) (log_softmax N x j).
Proof.
  intros M gamma kappa N x xh a ah d w s l v j r theta HM Hg Hk HN Ht (Hrun & Hj & Hr) sigma H1.
  apply log_softmax_composed_any with (xh j) v; try assumption; [apply (proj1 (proj2 Hrun)); exact Hj|].
  apply (shifted_bound M gamma kappa N x xh a ah d w s l v theta); assumption.
Qed.

(* x_j less a logsumexp through log1p. *)
Theorem log_softmax_composed_log1p_bound : forall M gamma kappa N x xh k d w s l v j r, sound M -> 0 <= gamma ->
  0 <= kappa -> (1 <= N)%nat -> run_log_softmax_composed_log1p M gamma kappa N x xh k d w s l v j r ->
  let a := largest N x in
  let sigma := tail_error M (stretch M) gamma kappa (drift M N x a) (tail N x) (INR N - 1) (lse N x - a) in
  sigma < 1 -> Rabs (r - log_softmax N x j) <=
    log_softmax_composed M (lse_log1p M sigma (lse N x - a) (lse N x)) (log_softmax N x j).
Proof.
  intros M gamma kappa N x xh k d w s l v j r HM Hg Hkap HN (Hrun & Hj & Hr) a sigma H1.
  apply log_softmax_composed_any with (xh j) v; try assumption; [apply (proj1 (proj2 (proj2 Hrun))); exact Hj|].
  apply (lse_log1p_bound M gamma kappa N x xh k d w s l v); assumption.
Qed.

(* ------------------------------------------------------------------------------- the logarithm of a softmax *)

(* The logarithm of what errs by rho relative to the entry of softmax. *)
Theorem log_of_softmax_bound : forall M N x j p rho r, sound M -> (1 <= N)%nat ->
  Rabs (p - softmax N x j) <= rho * softmax N x j -> rho < 1 -> takes_log M p r ->
  Rabs (r - log_softmax N x j) <= log_of_softmax M rho (log_softmax N x j).
Proof.
  intros M N x j p rho r HM HN Hp H1 Hr. unfold log_of_softmax.
  assert (E : log_softmax N x j = ln (softmax N x j)).
  { rewrite softmax_is_exp by exact HN. rewrite ln_exp. reflexivity. }
  rewrite E. apply log_step with p; try assumption. apply softmax_positive. exact HN.
Qed.

(* ------------------------------------------------------------------------------- bounds that need no sum *)

(* Through log1p, from the entropy of softmax x. *)
Theorem log_softmax_log1p_entropy_bound : forall M gamma kappa N x xh k d w s l j t r, sound M -> u M <= 1 / 256 ->
  0 <= gamma -> 0 <= kappa -> (1 <= N)%nat -> run_log_softmax_log1p M gamma kappa N x xh k d w s l j t r ->
  let a := largest N x in
  let L := lse N x - a in
  let sigma := tail_error M (stretch M) gamma kappa (drift_from_entropy M (entropy N x) L (INR N)) (tail N x)
                          (INR N - 1) L in
  sigma < 1 -> Rabs (r - log_softmax N x j) <=
    log_softmax_shifted M (log_error (log1p_rel M) (log1p_abs M) sigma L) (Rabs (x j - a)) (log_softmax N x j).
Proof.
  intros M gamma kappa N x xh k d w s l j t r HM Hu Hg Hk HN Hrun a L sigma H1.
  assert (Hs : tail_error M (stretch M) gamma kappa (drift M N x a) (tail N x) (INR N - 1) L <= sigma).
  { apply tail_error_increases; try assumption; try apply Rle_refl.
    - apply stretch_nonnegative. exact HM.
    - apply count_of_tail. exact HN.
    - apply drift_at_most_entropy; [exact HN|]. unfold sound in HM. lra. }
  apply Rle_trans with (1 := log_softmax_log1p_bound M gamma kappa N x xh k d w s l j t r HM Hg Hk HN Hrun
    (Rle_lt_trans _ _ _ Hs H1)).
  unfold sound in HM. apply log_softmax_shifted_increases; [lra|].
  apply log_error_increases; [lra | exact Hs | exact H1 | apply Rle_refl].
Qed.

(* Through log1p, from the length and the distance of the entry from the maximum. *)
Theorem log_softmax_log1p_worst_case : forall M gamma kappa N x xh k d w s l j t r, sound M -> 0 <= gamma ->
  0 <= kappa -> (1 <= N)%nat -> run_log_softmax_log1p M gamma kappa N x xh k d w s l j t r ->
  let sigma := tail_error M (stretch M) gamma kappa (drift_from_length M (INR N)) (1 - / INR N) (INR N - 1) 0 in
  sigma < 1 -> Rabs (r - log_softmax N x j) <=
    log_softmax_shifted M (log_error (log1p_rel M) (log1p_abs M) sigma (ln (INR N))) (Rabs (x j - largest N x))
                        (log_softmax N x j).
Proof.
  intros M gamma kappa N x xh k d w s l j t r HM Hg Hk HN Hrun sigma H1.
  pose proof (lse_above_largest N x HN) as HL.
  assert (Hs : tail_error M (stretch M) gamma kappa (drift M N x (largest N x)) (tail N x) (INR N - 1)
                          (lse N x - largest N x) <= sigma).
  { apply tail_error_increases; try assumption; try lra.
    - apply stretch_nonnegative. exact HM.
    - apply count_of_tail. exact HN.
    - apply drift_at_most_length; [exact HN|]. unfold sound in HM. lra.
    - apply tail_at_most. exact HN. }
  apply Rle_trans with (1 := log_softmax_log1p_bound M gamma kappa N x xh k d w s l j t r HM Hg Hk HN Hrun
    (Rle_lt_trans _ _ _ Hs H1)).
  unfold sound in HM. apply log_softmax_shifted_increases; [lra|].
  apply log_error_increases; [lra | exact Hs | exact H1 | rewrite !Rabs_pos_eq; lra].
Qed.
