(* How errors pass through one step: a difference, an exponential, a sum, a logarithm, the addition of the shift.

   Each lemma takes what Model.v says of one operation and how far its argument is from the exact one, and says how far
   the result is from the exact result. W_i = exp(x_i - a) are the exact terms for the shift a, P their sum, so that
   ln P = lse x - a; drift and tail are those of Formulas.v, defined here.

   Sources: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), chapters 2 and 4;
   Blanchard, Higham, Higham, IMA J. Numer. Anal. 41 (2021) 2311-2330. *)

From Coq Require Import Reals Lra Lia PeanoNat.
From ShiftProof Require Import Rules Model Formulas.
Open Scope R_scope.

(* ------------------------------------------------------------------------------------------- exact quantities *)

(* What the rounding of the differences x_i - a adds to the sum, relative to it. *)
Definition drift (M : model) (N : nat) (x : nat -> R) (a : R) : R :=
  total N (fun i => exp (x i - a) * expm1 (u M * Rabs (x i - a))) / total N (fun i => exp (x i - a)).

(* The softmax weight of all entries but a maximal one. *)
Definition tail (N : nat) (x : nat -> R) : R := 1 - exp (- (lse N x - largest N x)).

(* The entropy of softmax x. *)
Definition entropy (N : nat) (x : nat -> R) : R := - total N (fun i => softmax N x i * ln (softmax N x i)).

(* ------------------------------------------------------------------------------------------------ the numbers *)

(* 1 + z is at most exp z. *)
Lemma exp_above_line : forall z, 1 + z <= exp z.
Proof.
  intro z. destruct (Req_dec z 0) as [->|H]; [rewrite exp_0; lra|]. apply Rlt_le, exp_ineq1. exact H.
Qed.

(* expm1 is at least its argument. *)
Lemma expm1_above : forall z, z <= expm1 z.
Proof. intro z. unfold expm1. pose proof (exp_above_line z). lra. Qed.

(* expm1 of a nonnegative number is nonnegative. *)
Lemma expm1_nonnegative : forall z, 0 <= z -> 0 <= expm1 z.
Proof. intros z H. pose proof (expm1_above z). lra. Qed.

(* expm1 increases. *)
Lemma expm1_increases : forall y z, y <= z -> expm1 y <= expm1 z.
Proof. intros y z H. unfold expm1. pose proof (le_exp y z H). lra. Qed.

(* expm1 of a sum is both of the two expm1. *)
Lemma expm1_add : forall y z, expm1 (y + z) = both (expm1 y) (expm1 z).
Proof. intros y z. unfold expm1, both. rewrite exp_plus. ring. Qed.

(* Two nonnegative errors make a nonnegative one. *)
Lemma both_nonnegative : forall p q, 0 <= p -> 0 <= q -> 0 <= both p q.
Proof. intros p q Hp Hq. unfold both. pose proof (Rmult_le_pos p q Hp Hq). lra. Qed.

(* both increases in its first argument, *)
Lemma both_increases_l : forall p p' q, 0 <= q -> p <= p' -> both p q <= both p' q.
Proof. intros p p' q Hq H. unfold both. pose proof (Rmult_le_compat_r q p p' Hq H). lra. Qed.

(* and in its second. *)
Lemma both_increases_r : forall p q q', 0 <= p -> q <= q' -> both p q <= both p q'.
Proof. intros p q q' Hp H. unfold both. pose proof (Rmult_le_compat_l p q q' Hp H). lra. Qed.

(* both is symmetric, *)
Lemma both_commutes : forall p q, both p q = both q p.
Proof. intros p q. unfold both. ring. Qed.

(* and associative. *)
Lemma both_associates : forall p q r, both (both p q) r = both p (both q r).
Proof. intros p q r. unfold both. ring. Qed.

(* A distance of at most e, written without the absolute value. *)
Lemma distance : forall p q e, Rabs (p - q) <= e -> q - e <= p <= q + e.
Proof. intros p q e H. revert H. unfold Rabs. destruct (Rcase_abs (p - q)); lra. Qed.

(* What has moved by e is at most e larger in absolute value. *)
Lemma abs_moves : forall p q e, Rabs (p - q) <= e -> Rabs p <= Rabs q + e.
Proof.
  intros p q e H. replace p with (q + (p - q)) by ring.
  apply Rle_trans with (1 := Rabs_triang q (p - q)). lra.
Qed.

(* Two distances, one after the other. *)
Lemma distance_chain : forall p q r e f, Rabs (p - q) <= e -> Rabs (q - r) <= f -> Rabs (p - r) <= e + f.
Proof.
  intros p q r e f H K. replace (p - r) with ((p - q) + (q - r)) by ring.
  apply Rle_trans with (1 := Rabs_triang (p - q) (q - r)). lra.
Qed.

(* In a sound model a difference errs by a nonnegative amount, *)
Lemma zeta_nonnegative : forall M, sound M -> 0 <= zeta M.
Proof. intros M HM. unfold sound in HM. unfold zeta. apply Rmult_le_pos; lra. Qed.

(* and so does its exponential. *)
Lemma stretch_nonnegative : forall M, sound M -> 0 <= stretch M.
Proof. intros M HM. apply expm1_nonnegative, zeta_nonnegative. exact HM. Qed.

(* Without flushing nothing is stretched. *)
Lemma stretch_without_flush : forall M, flush M = 0 -> stretch M = 0.
Proof. intros M H. unfold stretch, zeta, expm1. rewrite H, Rmult_0_r, exp_0. ring. Qed.

(* Without flushing everything is read exactly. *)
Lemma reads_exactly : forall M a r, flush M = 0 -> reads M a r -> r = a.
Proof. intros M a r H K. unfold reads in K. rewrite H in K. apply distance in K. lra. Qed.

(* z exp(-z) is at most 1 / e. *)
Lemma decay_bound : forall z, z * exp (- z) <= exp (- 1).
Proof.
  intro z. pose proof (exp_above_line (z - 1)) as H.
  pose proof (Rmult_le_compat_r (exp (- z)) _ _ (Rlt_le _ _ (exp_pos (- z))) H) as K.
  rewrite <- exp_plus in K. replace (z - 1 + - z) with (- 1) in K by ring. lra.
Qed.

(* expm1 z is at most z exp z. *)
Lemma expm1_below : forall z, expm1 z <= z * exp z.
Proof.
  intro z. pose proof (exp_above_line (- z)) as H. pose proof (exp_pos z) as Hp.
  pose proof (Rmult_le_compat_r (exp z) _ _ (Rlt_le _ _ Hp) H) as K.
  rewrite <- exp_plus, Rplus_opp_l, exp_0 in K. unfold expm1. lra.
Qed.

(* What the rounding of a difference adds to an exponential that is at most 1: it does not grow with the difference. *)
Lemma decaying_drift : forall v z, 0 <= v < 1 -> 0 <= z -> exp (- z) * expm1 (v * z) <= v / (exp 1 * (1 - v)).
Proof.
  intros v z Hv Hz. pose proof (exp_pos (- z)) as Hp.
  apply Rle_trans with (v / (1 - v) * ((1 - v) * z * exp (- ((1 - v) * z)))).
  - apply Rle_trans with (1 := Rmult_le_compat_l _ _ _ (Rlt_le _ _ Hp) (expm1_below (v * z))).
    replace (- ((1 - v) * z)) with (- z + v * z) by ring. rewrite exp_plus. apply Req_le. field. lra.
  - replace (v / (exp 1 * (1 - v))) with (v / (1 - v) * exp (- 1)).
    + apply Rmult_le_compat_l; [apply quotient_nonnegative; lra | apply decay_bound].
    + change (-1) with (Ropp 1). rewrite exp_Ropp. pose proof (exp_pos 1). field. lra.
Qed.

(* ----------------------------------------------------------------------------------------------------- totals *)

(* As le_total, for any length. *)
Lemma total_at_most : forall N f g, (forall i, in_range N i -> f i <= g i) -> total N f <= total N g.
Proof.
  intros N f g H. destruct N as [|n]; [cbn; lra|]. apply le_total; [lia | exact H].
Qed.

(* A sum of nonnegative terms, for any length. *)
Lemma total_at_least_zero : forall N f, (forall i, in_range N i -> 0 <= f i) -> 0 <= total N f.
Proof. intros N f H. destruct N as [|n]; [cbn; lra|]. apply total_nonnegative; [lia | exact H]. Qed.

(* The absolute value of a sum is at most the sum of the absolute values. *)
Lemma total_abs : forall N f, Rabs (total N f) <= total N (fun i => Rabs (f i)).
Proof.
  intros N f. induction N as [|n IH]; cbn [total]; [rewrite Rabs_R0; lra|].
  apply Rle_trans with (1 := Rabs_triang (total n f) (f (S n))). lra.
Qed.

(* Sums of vectors that are close are close. *)
Lemma total_distance : forall N f g E, (forall i, in_range N i -> Rabs (f i - g i) <= E i) ->
  Rabs (total N f - total N g) <= total N E.
Proof.
  intros N f g E H. rewrite <- rule_sum_sub.
  apply Rle_trans with (1 := total_abs N (fun i => f i - g i)). apply total_at_most. exact H.
Qed.

(* The sum without the entry k. *)
Lemma total_without : forall N k w, in_range N k -> total N (without k w) = total N w - w k.
Proof.
  intros N k w Hk. rewrite <- (rule_sum_delta N w k Hk), <- rule_sum_sub. apply eq_total.
  intros i _. unfold without, delta. destruct (Nat.eqb i k); ring.
Qed.

(* The exact sum of the exponentials of x_i - a is exp(lse x - a). *)
Lemma sum_of_exponentials : forall N x a, (1 <= N)%nat -> total N (fun i => exp (x i - a)) = exp (lse N x - a).
Proof.
  intros N x a HN. unfold lse. rewrite rule_exp_sub, exp_ln.
  - unfold Rdiv. rewrite Rmult_comm, <- rule_sum_factor. apply eq_total.
    intros i _. rewrite rule_exp_sub. unfold Rdiv. ring.
  - apply total_positive; [exact HN|]. intros. apply exp_pos.
Qed.

(* The sum of the exponentials is positive. *)
Lemma sum_of_exponentials_positive : forall N x a, (1 <= N)%nat -> 0 < total N (fun i => exp (x i - a)).
Proof. intros N x a HN. rewrite sum_of_exponentials by exact HN. apply exp_pos. Qed.

(* The logarithm of that sum. *)
Lemma ln_sum_of_exponentials : forall N x a, (1 <= N)%nat -> ln (total N (fun i => exp (x i - a))) = lse N x - a.
Proof. intros N x a HN. rewrite sum_of_exponentials by exact HN. apply ln_exp. Qed.

(* softmax is exp(x_j - lse x). *)
Lemma softmax_is_exp : forall N x j, (1 <= N)%nat -> softmax N x j = exp (x j - lse N x).
Proof.
  intros N x j HN. unfold softmax, lse. rewrite rule_exp_sub, exp_ln; [reflexivity|].
  apply total_positive; [exact HN|]. intros. apply exp_pos.
Qed.

(* softmax is the share of a term in the sum, whatever the shift. *)
Lemma softmax_is_share : forall N x a j, (1 <= N)%nat ->
  softmax N x j = exp (x j - a) / total N (fun i => exp (x i - a)).
Proof.
  intros N x a j HN. rewrite softmax_is_exp, sum_of_exponentials by exact HN. rewrite <- rule_exp_sub.
  f_equal. ring.
Qed.

(* The entries of softmax sum to 1. *)
Lemma softmax_sums_to_one : forall N x, (1 <= N)%nat -> total N (softmax N x) = 1.
Proof.
  intros N x HN. pose proof (sum_of_exponentials_positive N x 0 HN) as HP.
  rewrite (eq_total N (softmax N x)
    (fun i => / total N (fun i => exp (x i - 0)) * exp (x i - 0))).
  - rewrite rule_sum_factor. field. lra.
  - intros i _. rewrite (softmax_is_share N x 0 i HN). unfold Rdiv. ring.
Qed.

(* softmax is positive. *)
Lemma softmax_positive : forall N x j, (1 <= N)%nat -> 0 < softmax N x j.
Proof. intros N x j HN. rewrite softmax_is_exp by exact HN. apply exp_pos. Qed.

(* lse is at least the maximum. *)
Lemma largest_at_most_lse : forall N x, (1 <= N)%nat -> largest N x <= lse N x.
Proof.
  intros N x HN. destruct (largest_attained N x HN) as [k [Hk ->]]. unfold lse. rewrite <- (ln_exp (x k)) at 1.
  apply le_log; [apply exp_pos|].
  apply (rule_entry_at_most_sum N (fun i => exp (x i)) k Hk). intros. apply Rlt_le, exp_pos.
Qed.

(* tail is nonnegative. *)
Lemma tail_nonnegative : forall N x, (1 <= N)%nat -> 0 <= tail N x.
Proof.
  intros N x HN. pose proof (largest_at_most_lse N x HN) as H. unfold tail.
  pose proof (le_exp (- (lse N x - largest N x)) 0 ltac:(lra)) as K. rewrite exp_0 in K. lra.
Qed.

(* The sum is 1 more than its tail where the shift is the maximum. *)
Lemma sum_times_tail : forall N x, (1 <= N)%nat ->
  total N (fun i => exp (x i - largest N x)) * tail N x = total N (fun i => exp (x i - largest N x)) - 1.
Proof.
  intros N x HN. rewrite sum_of_exponentials by exact HN. unfold tail. rewrite exp_Ropp. field.
  apply Rgt_not_eq, exp_pos.
Qed.

(* drift is nonnegative. *)
Lemma drift_nonnegative : forall M N x a, 0 <= u M -> (1 <= N)%nat -> 0 <= drift M N x a.
Proof.
  intros M N x a Hu HN. unfold drift. apply quotient_nonnegative; [|apply sum_of_exponentials_positive; exact HN].
  apply total_at_least_zero. intros i _. apply Rmult_le_pos; [apply Rlt_le, exp_pos|].
  apply expm1_nonnegative, Rmult_le_pos; [exact Hu | apply Rabs_pos].
Qed.

(* The sum times the drift. *)
Lemma sum_times_drift : forall M N x a, (1 <= N)%nat ->
  total N (fun i => exp (x i - a)) * drift M N x a = total N (fun i => exp (x i - a) * expm1 (u M * Rabs (x i - a))).
Proof.
  intros M N x a HN. pose proof (sum_of_exponentials_positive N x a HN) as HP. unfold drift. field. lra.
Qed.

(* What has been read of the maximum is the maximum of what has been read. *)
Lemma reads_largest : forall M N x xh, (1 <= N)%nat -> (forall i, in_range N i -> reads M (x i) (xh i)) ->
  reads M (largest N x) (largest N xh).
Proof.
  intros M N x xh HN H. unfold reads.
  destruct (largest_attained N x HN) as [i [Hi Ei]]. destruct (largest_attained N xh HN) as [j [Hj Ej]].
  pose proof (distance _ _ _ (H i Hi)). pose proof (distance _ _ _ (H j Hj)).
  pose proof (largest_bounds N x j Hj). pose proof (largest_bounds N xh i Hi). apply Rabs_le. lra.
Qed.

(* ------------------------------------------------------------------------------------------------- operations *)

(* A difference of two numbers that were read. *)
Lemma difference_step : forall M x a xh ah d, sound M -> reads M x xh -> reads M a ah -> subtracts M xh ah d ->
  Rabs (d - (x - a)) <= u M * Rabs (x - a) + zeta M.
Proof.
  intros M x a xh ah d HM Hx Ha [Hd _]. unfold reads in Hx, Ha. unfold sound in HM. unfold zeta.
  assert (K : Rabs (xh + - ah - (x - a)) <= 2 * flush M).
  { apply Rabs_le. apply distance in Hx. apply distance in Ha. lra. }
  pose proof (abs_moves _ _ _ K) as K2.
  pose proof (distance_chain _ _ _ _ _ Hd K) as K3. apply Rle_trans with (1 := K3).
  pose proof (Rmult_le_compat_l (u M) _ _ (proj1 (proj1 HM)) K2). lra.
Qed.

(* An exponential whose argument errs by e. *)
Lemma exp_step : forall M d d0 e w, sound M -> Rabs (d - d0) <= e -> exponentiates M d w ->
  Rabs (w - exp d0) <= exp d0 * both (exp_rel M) (expm1 e) + exp_abs M.
Proof.
  intros M d d0 e w HM Hd [Hw _]. unfold sound in HM. apply distance in Hd.
  assert (Hup : exp d <= exp d0 * exp e) by (rewrite <- exp_plus; apply le_exp; lra).
  assert (Hlo : exp d0 * exp (- e) <= exp d) by (rewrite <- exp_plus; apply le_exp; lra).
  pose proof (exp_above_line e). pose proof (exp_above_line (- e)). pose proof (exp_pos d0) as Hp.
  assert (Hsum : 2 <= exp e + exp (- e)) by lra.
  assert (K : Rabs (exp d - exp d0) <= exp d0 * expm1 e).
  { apply Rabs_le. unfold expm1. pose proof (Rmult_le_compat_l _ _ _ (Rlt_le _ _ Hp) Hsum). lra. }
  pose proof (distance_chain _ _ _ _ _ Hw K) as K2. apply Rle_trans with (1 := K2).
  pose proof (Rmult_le_compat_l (exp_rel M) _ _ ltac:(lra) Hup). unfold both, expm1. lra.
Qed.

(* A term of the sum. *)
Lemma exponential_error : forall M N x xh a ah d w i, sound M -> reads M a ah -> exponentials M N x xh ah d w ->
  in_range N i ->
  Rabs (w i - exp (x i - a)) <=
    exp (x i - a) * both (both (exp_rel M) (stretch M)) (expm1 (u M * Rabs (x i - a))) + exp_abs M.
Proof.
  intros M N x xh a ah d w i HM Ha H Hi. destruct (H i Hi) as (Hx & Hd & Hw).
  pose proof (difference_step M _ _ _ _ _ HM Hx Ha Hd) as K.
  pose proof (exp_step M _ _ _ _ HM K Hw) as E.
  rewrite (Rplus_comm (u M * _)), expm1_add, <- both_associates in E. exact E.
Qed.

(* Where nothing is flushed, the term of the shift itself is 1. *)
Lemma exponential_exact : forall M N x xh a ah d w i, flush M = 0 -> reads M a ah -> exponentials M N x xh ah d w ->
  in_range N i -> x i = a -> w i = 1.
Proof.
  intros M N x xh a ah d w i HF Ha H Hi E. destruct (H i Hi) as (Hx & [_ Hd] & [_ [_ Hw]]).
  apply Hw, Hd. rewrite (reads_exactly M _ _ HF Hx), (reads_exactly M _ _ HF Ha). lra.
Qed.

(* A logarithm whose argument errs by sigma relative to it, in the exact logarithm alone. *)
Lemma ln_moves : forall s S sigma, 0 < S -> sigma < 1 -> Rabs (s - S) <= sigma * S ->
  Rabs (ln s - ln S) <= sigma / (1 - sigma).
Proof.
  intros s S sigma HS H1 H. pose proof (Rabs_pos (s - S)) as Hp.
  assert (H0 : 0 <= sigma) by (apply Rnot_lt_le; intro; nra).
  apply distance in H.
  assert (Hs : 0 < s) by nra.
  assert (Hq : 0 <= sigma * (sigma / (1 - sigma))).
  { apply Rmult_le_pos; [exact H0|]. apply quotient_nonnegative; lra. }
  assert (Hup : ln (s / S) <= s / S - 1).
  { pose proof (exp_above_line (ln (s / S))) as K. rewrite exp_ln in K; [lra|]. apply quotient_positive; assumption. }
  assert (Hlo : ln (S / s) <= S / s - 1).
  { pose proof (exp_above_line (ln (S / s))) as K. rewrite exp_ln in K; [lra|]. apply quotient_positive; assumption. }
  rewrite rule_log_div in Hup, Hlo by assumption.
  assert (Ks : s / S <= 1 + sigma).
  { apply Rmult_le_reg_r with S; [exact HS|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra. }
  assert (KS : S / s <= 1 / (1 - sigma)).
  { apply Rmult_le_reg_r with (s * (1 - sigma)); [apply Rmult_lt_0_compat; lra|].
    replace (S / s * (s * (1 - sigma))) with (S * (1 - sigma)) by (field; lra).
    replace (1 / (1 - sigma) * (s * (1 - sigma))) with s by (field; lra). lra. }
  replace (1 / (1 - sigma)) with (1 + sigma / (1 - sigma)) in KS by (field; lra).
  replace (sigma * (sigma / (1 - sigma))) with (sigma / (1 - sigma) - sigma) in Hq by (field; lra).
  apply Rabs_le. lra.
Qed.

(* A computed value of what errs by e, itself off by rel and abs. *)
Lemma rounded_step : forall rel abs l v v0 e, 0 <= rel -> Rabs (l - v) <= rel * Rabs v + abs -> Rabs (v - v0) <= e ->
  Rabs (l - v0) <= (1 + rel) * e + rel * Rabs v0 + abs.
Proof.
  intros rel abs l v v0 e Hr Hl Hv. pose proof (distance_chain _ _ _ _ _ Hl Hv) as K. apply Rle_trans with (1 := K).
  pose proof (Rmult_le_compat_l rel _ _ Hr (abs_moves _ _ _ Hv)). lra.
Qed.

(* A logarithm. *)
Lemma log_step : forall M s S sigma l, sound M -> 0 < S -> sigma < 1 -> Rabs (s - S) <= sigma * S -> takes_log M s l ->
  Rabs (l - ln S) <= log_error (log_rel M) (log_abs M) sigma (ln S).
Proof.
  intros M s S sigma l HM HS H1 H Hl. unfold sound in HM. unfold log_error.
  apply rounded_step with (ln s); [lra | exact Hl | apply ln_moves; assumption].
Qed.

(* A logarithm of 1 + s. *)
Lemma log1p_step : forall M s S sigma l, sound M -> 0 < S -> sigma < 1 -> Rabs (1 + s - S) <= sigma * S ->
  takes_log1p M s l -> Rabs (l - ln S) <= log_error (log1p_rel M) (log1p_abs M) sigma (ln S).
Proof.
  intros M s S sigma l HM HS H1 H Hl. unfold sound in HM. unfold log_error.
  apply rounded_step with (ln (1 + s)); [lra | exact Hl | apply ln_moves; assumption].
Qed.

(* The addition of the shift to a number that errs by e. *)
Lemma add_step : forall M a ah l L e r, sound M -> reads M a ah -> Rabs (l - L) <= e -> adds M ah l r ->
  Rabs (r - (a + L)) <= shift_back M e (a + L).
Proof.
  intros M a ah l L e r HM Ha Hl [Hr _]. unfold sound in HM. unfold shift_back, reads in *.
  assert (K : Rabs (ah + l - (a + L)) <= e + flush M).
  { apply distance in Ha. apply distance in Hl. apply Rabs_le. lra. }
  apply (rounded_step (u M) (flush M) r (ah + l) (a + L)); [lra | exact Hr | exact K].
Qed.

(* The same for a difference. *)
Lemma subtract_step : forall M a ah l L e r, sound M -> reads M a ah -> Rabs (l - L) <= e -> subtracts M ah l r ->
  Rabs (r - (a - L)) <= shift_back M e (a - L).
Proof.
  intros M a ah l L e r HM Ha Hl Hr. unfold Rminus at 2 3. apply add_step with ah (- l); try assumption.
  replace (- l - - L) with (- (l - L)) by ring. rewrite Rabs_Ropp. exact Hl.
Qed.

(* ------------------------------------------------------------------------------------------------------- sums *)

(* A sum whose terms err by E in all. *)
Lemma sum_step : forall gamma kappa N w W E s, 0 <= gamma -> (forall i, in_range N i -> 0 <= W i) ->
  (forall i, in_range N i -> Rabs (w i - W i) <= E i) -> sums gamma kappa N w s ->
  Rabs (s - total N W) <= total N E + gamma * (total N W + total N E) + kappa.
Proof.
  intros gamma kappa N w W E s Hg HW H Hs. pose proof (total_distance N w W E H) as K.
  assert (Ka : total N (fun i => Rabs (w i)) <= total N W + total N E).
  { rewrite <- rule_sum_add. apply total_at_most. intros i Hi. pose proof (abs_moves _ _ _ (H i Hi)) as J.
    rewrite (Rabs_pos_eq (W i)) in J by (apply HW; exact Hi). exact J. }
  pose proof (distance_chain _ _ _ _ _ Hs K) as D. apply Rle_trans with (1 := D).
  pose proof (Rmult_le_compat_l gamma _ _ Hg Ka). lra.
Qed.

(* A sum whose term W_i errs by r_i relative to it and e absolutely. *)
Lemma sum_of_relative_errors : forall gamma kappa N w W r e s, 0 <= gamma -> (forall i, in_range N i -> 0 <= W i) ->
  (forall i, in_range N i -> Rabs (w i - W i) <= W i * r i + e) -> sums gamma kappa N w s ->
  Rabs (s - total N W) <= (total N (fun i => W i * r i) + INR N * e)
    + gamma * (total N W + (total N (fun i => W i * r i) + INR N * e)) + kappa.
Proof.
  intros gamma kappa N w W r e s Hg HW H Hs.
  rewrite <- (rule_sum_constant N e), <- (rule_sum_add N (fun i => W i * r i) (fun _ => e)).
  apply (sum_step gamma kappa N w W (fun i => W i * r i + e) s Hg HW H Hs).
Qed.

(* The weights v of the terms whose exponential is rounded, when a maximal term is exact. *)
Lemma rounded_terms : forall M N x xh a ah d w theta, sound M -> (1 <= N)%nat -> reads M a ah ->
  exponentials M N x xh ah d w -> (theta = 1 \/ (flush M = 0 /\ a = largest N x /\ theta = tail N x)) ->
  exists v, total N v = theta * total N (fun i => exp (x i - a)) /\ forall i, in_range N i ->
    Rabs (w i - exp (x i - a)) <=
      exp (x i - a) * both (expm1 (u M * Rabs (x i - a))) (stretch M)
      + exp_rel M * (1 + stretch M) * (v i + exp (x i - a) * expm1 (u M * Rabs (x i - a))) + exp_abs M.
Proof.
  intros M N x xh a ah d w theta HM HN Ha H [->|(HF & Ea & ->)].
  - exists (fun i => exp (x i - a)). split; [ring|]. intros i Hi.
    apply Rle_trans with (1 := exponential_error M N x xh a ah d w i HM Ha H Hi). apply Req_le. unfold both. ring.
  - destruct (largest_attained N x HN) as [k [Hk Ek]].
    exists (fun i => exp (x i - a) - delta i k * 1). split.
    + rewrite rule_sum_sub, (rule_sum_delta N (fun _ => 1) k Hk), Ea. rewrite <- sum_times_tail by exact HN. ring.
    + intros i Hi. unfold delta. destruct (Nat.eqb_spec i k) as [->|_].
      * assert (E : x k = a) by congruence.
        rewrite (exponential_exact M N x xh a ah d w k HF Ha H Hk E), E, (stretch_without_flush M HF).
        unfold sound in HM. unfold both, expm1.
        replace (a - a) with 0 by ring. rewrite Rabs_R0, Rmult_0_r, exp_0.
        replace (1 - 1) with 0 by ring. rewrite Rabs_R0. lra.
      * apply Rle_trans with (1 := exponential_error M N x xh a ah d w i HM Ha H Hi). apply Req_le. unfold both. ring.
Qed.

(* The errors of all terms together, relative to the sum. *)
Lemma terms_of_sum_error : forall M N x xh a ah d w theta, sound M -> (1 <= N)%nat -> reads M a ah ->
  exponentials M N x xh ah d w -> (theta = 1 \/ (flush M = 0 /\ a = largest N x /\ theta = tail N x)) ->
  exists E, (forall i, in_range N i -> Rabs (w i - exp (x i - a)) <= E i) /\
    total N E = total N (fun i => exp (x i - a))
      * terms_error M (stretch M) (drift M N x a) theta (INR N) (lse N x - a).
Proof.
  intros M N x xh a ah d w theta HM HN Ha H Ht.
  destruct (rounded_terms M N x xh a ah d w theta HM HN Ha H Ht) as (v & Hv & Hw).
  eexists. split; [exact Hw|]. cbv beta.
  pose proof (sum_times_drift M N x a HN) as HD. pose proof (sum_of_exponentials N x a HN) as HP.
  set (P := total N (fun i => exp (x i - a))) in *.
  set (F := fun i => exp (x i - a) * expm1 (u M * Rabs (x i - a))) in *.
  rewrite (eq_total N _ (fun i => ((1 + stretch M) * F i + stretch M * exp (x i - a)
    + exp_rel M * (1 + stretch M) * (v i + F i)) + exp_abs M)) by (intros; unfold F, both; ring).
  rewrite (rule_sum_add N _ (fun _ => exp_abs M)), rule_sum_constant.
  rewrite (rule_sum_add N (fun i => (1 + stretch M) * F i + stretch M * exp (x i - a))).
  rewrite (rule_sum_add N (fun i => (1 + stretch M) * F i)), !rule_sum_factor, rule_sum_add, Hv, <- HD. fold P.
  unfold terms_error, both. rewrite exp_Ropp, <- HP. field.
  rewrite HP. apply Rgt_not_eq, exp_pos.
Qed.

(* The sum of the exponentials. *)
Lemma sum_of_exponentials_error : forall M gamma kappa N x xh a ah d w s theta, sound M -> 0 <= gamma -> 0 <= kappa ->
  (1 <= N)%nat -> reads M a ah -> exponentials M N x xh ah d w -> sums gamma kappa N w s ->
  (theta = 1 \/ (flush M = 0 /\ a = largest N x /\ theta = tail N x)) ->
  Rabs (s - total N (fun i => exp (x i - a))) <= total N (fun i => exp (x i - a))
    * sum_error M (stretch M) gamma kappa (drift M N x a) theta (INR N) (lse N x - a).
Proof.
  intros M gamma kappa N x xh a ah d w s theta HM Hg Hk HN Ha H Hs Ht.
  destruct (terms_of_sum_error M N x xh a ah d w theta HM HN Ha H Ht) as (E & HE & HT).
  assert (K : Rabs (s - total N (fun i => exp (x i - a))) <= total N E
    + gamma * (total N (fun i => exp (x i - a)) + total N E) + kappa).
  { apply (sum_step gamma kappa N w _ E s Hg); try assumption. intros. apply Rlt_le, exp_pos. }
  apply Rle_trans with (1 := K). rewrite HT. apply Req_le. unfold sum_error.
  set (T := terms_error _ _ _ _ _ _). pose proof (sum_of_exponentials N x a HN) as HP.
  rewrite exp_Ropp, <- HP. unfold both. field. rewrite HP. apply Rgt_not_eq, exp_pos.
Qed.

(* The exponentials of the entries themselves: nothing is subtracted. *)
Lemma sum_of_naive_exponentials_error : forall M gamma kappa N x xh w s, sound M -> 0 <= gamma -> 0 <= kappa ->
  (1 <= N)%nat -> (forall i, in_range N i -> reads M (x i) (xh i) /\ exponentiates M (xh i) (w i)) ->
  sums gamma kappa N w s ->
  Rabs (s - total N (fun i => exp (x i))) <= total N (fun i => exp (x i))
    * sum_error M (expm1 (flush M)) gamma kappa 0 1 (INR N) (lse N x).
Proof.
  intros M gamma kappa N x xh w s HM Hg Hk HN H Hs.
  set (b := both (exp_rel M) (expm1 (flush M))).
  assert (HP : total N (fun i => exp (x i)) = exp (lse N x)).
  { unfold lse. symmetry. apply exp_ln, total_positive; [exact HN|]. intros. apply exp_pos. }
  assert (K := sum_of_relative_errors gamma kappa N w (fun i => exp (x i)) (fun _ => b) (exp_abs M) s Hg).
  eapply Rle_trans; [apply K|].
  - intros. apply Rlt_le, exp_pos.
  - intros i Hi. destruct (H i Hi) as [Hx Hw]. apply exp_step with (xh i); assumption.
  - exact Hs.
  - rewrite (eq_total N (fun i => exp (x i) * b) (fun i => b * exp (x i))), rule_sum_factor by (intros; ring).
    apply Req_le. unfold sum_error, terms_error, b, both. rewrite exp_Ropp, <- HP. field.
    rewrite HP. apply Rgt_not_eq, exp_pos.
Qed.
