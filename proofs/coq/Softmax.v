(* Rounding in softmax: by division, without a division, with the denominator of the online pass; and in the gradient
   of logsumexp, which is softmax computed in another way.

   A computed entry is a quotient w / s. Its numerator errs as the exponential of a difference, which is relatively more
   where x_j is far from the shift, and its denominator by sigma, relatively. Relative to the largest entry the former
   is harmless: exp(-D) (exp(u D) - 1) is at most u / (e (1 - u)) whatever D is. So two kinds of bound: componentwise,
   and relative to the largest entry.

   Names: g is the exact entry, q = g (exp(u D) - 1) with D the distance between x_j and the shift, L = lse x - a.

   Sources: Blanchard, Higham, Higham, IMA J. Numer. Anal. 41 (2021) 2311-2330, section 4; Milakov, Gimelshein,
   arXiv 1805.02867. *)

From Coq Require Import Reals Lra Lia.
From ShiftProof Require Import Rules Model Formulas Steps Online.
Open Scope R_scope.

(* ------------------------------------------------------------------------------------------------------- runs *)

(* An entry by division, for the shift a, of which ah was read. *)
Definition run_softmax (M : model) (gamma kappa : R) (N : nat) (x xh : nat -> R) (a ah : R) (d w : nat -> R)
  (s : R) (j : nat) (r : R) : Prop :=
  reads M a ah /\ exponentials M N x xh ah d w /\ sums gamma kappa N w s /\ divides M (w j) s r.

(* The same with nothing subtracted. *)
Definition run_softmax_naive (M : model) (gamma kappa : R) (N : nat) (x xh w : nat -> R) (s : R) (j : nat) (r : R)
  : Prop :=
  (forall i, in_range N i -> reads M (x i) (xh i) /\ exponentiates M (xh i) (w i)) /\
  sums gamma kappa N w s /\ divides M (w j) s r.

(* Without a division: yh stands for lse x. *)
Definition run_division_free (M : model) (x xh : nat -> R) (yh : R) (j : nat) (t r : R) : Prop :=
  reads M (x j) (xh j) /\ subtracts M (xh j) yh t /\ exponentiates M t r.

(* The online pass, and then the numerators, measured from its final maximum. *)
Definition run_softmax_online (M : model) (N : nat) (x xh : nat -> R) (m s : R) (rises : nat) (d w : nat -> R)
  (j : nat) (r : R) : Prop :=
  online M xh N m s rises /\ exponentials M N x xh m d w /\ divides M (w j) s r.

(* The same for a tree of merges of height h. *)
Definition run_softmax_merged (M : model) (N : nat) (x xh : nat -> R) (m s : R) (h : nat) (d w : nat -> R)
  (j : nat) (r : R) : Prop :=
  merged M xh 0 N h m s /\ exponentials M N x xh m d w /\ divides M (w j) s r.

(* --------------------------------------------------------------------------------------------- what q is about *)

(* The error of a difference, weighed by the exponential of that difference. *)
Lemma weighed_drift : forall v D, 0 <= v < 1 -> 0 <= D -> exp (- D) * expm1 (v * D) <= v / (exp 1 * (1 - v)).
Proof.
  intros v D Hv HD. set (z := (1 - v) * D).
  assert (A : expm1 (v * D) <= v * D * exp (v * D)).
  { assert (B := exp_above_line (- (v * D))). assert (P := exp_pos (v * D)).
    assert (E : exp (v * D) * exp (- (v * D)) = 1) by (rewrite <- exp_plus, Rplus_opp_r; apply exp_0).
    unfold expm1. nra. }
  assert (Z : z * exp (- z) <= / exp 1).
  { rewrite <- exp_Ropp. assert (B := exp_above_line (z - 1)). assert (P := exp_pos (- z)).
    assert (E : exp (z - 1) * exp (- z) = exp (- (1))) by (rewrite <- exp_plus; f_equal; ring). nra. }
  assert (E : exp (- D) * (v * D * exp (v * D)) = v / (1 - v) * (z * exp (- z))).
  { replace (exp (- z)) with (exp (- D) * exp (v * D)) by (unfold z; rewrite <- exp_plus; f_equal; ring).
    unfold z. field. lra. }
  apply Rle_trans with (exp (- D) * (v * D * exp (v * D)));
    [apply Rmult_le_compat_l; [left; apply exp_pos | exact A]|].
  rewrite E. replace (v / (exp 1 * (1 - v))) with (v / (1 - v) * / exp 1)
    by (field; split; [lra | apply Rgt_not_eq, exp_pos]).
  apply Rmult_le_compat_l; [|exact Z]. apply quotient_nonnegative; lra.
Qed.

(* The largest entry. *)
Lemma largest_softmax : forall N x, (1 <= N)%nat -> largest N (softmax N x) = exp (- (lse N x - largest N x)).
Proof.
  intros N x HN. apply largest_unique.
  - destruct (largest_attained N x HN) as [k [Hk E]]. exists k. split; [exact Hk|].
    rewrite softmax_is_exp, E by exact HN. f_equal. ring.
  - intros i Hi. rewrite softmax_is_exp by exact HN. apply le_exp. assert (A := largest_bounds N x i Hi). lra.
Qed.

(* ------------------------------------------------------------------------------------------------- a quotient *)

(* A quotient whose numerator errs by e and whose denominator by sigma, relative to it. *)
Lemma quotient_moves : forall w W s S e sigma, 0 <= W -> 0 < S -> 0 <= sigma -> sigma < 1 -> Rabs (w - W) <= e ->
  Rabs (s - S) <= S * sigma -> Rabs (w / s - W / S) <= (e / S + sigma * (W / S)) / (1 - sigma).
Proof.
  intros w W s S e sigma HW HS H0 H1 Hw Hs. assert (Ds := Hs). apply distance in Ds.
  assert (Q : S * (1 - sigma) <= s) by lra.
  assert (Q0 : 0 < S * (1 - sigma)) by (apply Rmult_lt_0_compat; lra).
  assert (P : 0 < s) by lra.
  assert (E0 : 0 <= e) by (apply Rle_trans with (2 := Hw); apply Rabs_pos).
  replace (w / s - W / S) with (((w - W) - (W / S) * (s - S)) * / s) by (field; lra).
  rewrite Rabs_mult, (Rabs_pos_eq (/ s)) by (left; apply Rinv_0_lt_compat; exact P).
  assert (G : 0 <= W / S) by (apply quotient_nonnegative; assumption).
  assert (T : Rabs (w - W - W / S * (s - S)) <= e + W / S * (S * sigma)).
  { apply Rle_trans with (1 := Rabs_triang (w - W) (- (W / S * (s - S)))).
    rewrite Rabs_Ropp, Rabs_mult, (Rabs_pos_eq (W / S)) by exact G. apply Rplus_le_compat; [exact Hw|].
    apply Rmult_le_compat_l; assumption. }
  replace ((e / S + sigma * (W / S)) / (1 - sigma)) with ((e + W / S * (S * sigma)) * / (S * (1 - sigma)))
    by (field; lra).
  apply Rmult_le_compat; [apply Rabs_pos | left; apply Rinv_0_lt_compat; exact P | exact T |].
  apply Rinv_le_contravar; assumption.
Qed.

(* An entry from its numerator and its denominator: what all the ways by division share. *)
Lemma entry_by_division : forall M N x j a w s r X q sigma, sound M -> (1 <= N)%nat -> 0 <= sigma -> sigma < 1 ->
  Rabs (w - exp (x j - a)) <= exp (x j - a) * both (both (exp_rel M) X) q + exp_abs M ->
  Rabs (s - total N (fun i => exp (x i - a))) <= total N (fun i => exp (x i - a)) * sigma ->
  divides M w s r ->
  Rabs (r - softmax N x j) <= softmax_entry M X sigma (softmax N x j) (softmax N x j * q) (lse N x - a).
Proof.
  intros M N x j a w s r X q sigma HM HN H0 H1 Hw Hs Hr.
  assert (P := sum_of_exponentials_positive N x a HN).
  assert (A := quotient_moves w _ s _ _ sigma (Rlt_le _ _ (exp_pos (x j - a))) P H0 H1 Hw Hs).
  rewrite <- softmax_is_share in A by exact HN.
  assert (G := softmax_positive N x j HN). unfold sound in HM.
  assert (B := rounded_step (u M) (under M) r (w / s) (softmax N x j) _ ltac:(lra) Hr A).
  rewrite (Rabs_pos_eq (softmax N x j)) in B by lra. apply Rle_trans with (1 := B). apply Req_le.
  unfold softmax_entry, quotient_error. do 4 f_equal.
  replace ((exp (x j - a) * both (both (exp_rel M) X) q + exp_abs M) / total N (fun i => exp (x i - a)))
    with (softmax N x j * both (both (exp_rel M) X) q + exp_abs M * exp (- (lse N x - a))).
  - unfold both. ring.
  - rewrite (softmax_is_share N x a j HN), exp_Ropp, <- sum_of_exponentials by exact HN. field. lra.
Qed.

(* A relative error of a sum is not negative. *)
Lemma relative_error_nonnegative : forall s S sigma, 0 < S -> Rabs (s - S) <= S * sigma -> 0 <= sigma.
Proof.
  intros s S sigma HS H. assert (P := Rabs_pos (s - S)). apply Rnot_lt_le. intro Hn.
  assert (Q := Rmult_lt_compat_l S _ _ HS Hn). lra.
Qed.

(* ------------------------------------------------------------------------------------------------ componentwise *)

(* Softmax with a shift. *)
Theorem softmax_shifted_bound : forall M gamma kappa N x xh a ah d w s j r theta, sound M -> 0 <= gamma -> 0 <= kappa ->
  in_range N j -> run_softmax M gamma kappa N x xh a ah d w s j r ->
  (theta = 1 \/ (flush M = 0 /\ a = largest N x /\ theta = tail N x)) ->
  sum_error M (stretch M) gamma kappa (drift M N x a) theta (INR N) (lse N x - a) < 1 ->
  Rabs (r - softmax N x j) <= softmax_entry M (stretch M)
    (sum_error M (stretch M) gamma kappa (drift M N x a) theta (INR N) (lse N x - a))
    (softmax N x j) (softmax N x j * expm1 (u M * Rabs (x j - a))) (lse N x - a).
Proof.
  intros M gamma kappa N x xh a ah d w s j r theta HM Hg Hk Hj (Ha & He & Hs & Hr) Ht H1.
  assert (HN : (1 <= N)%nat) by (unfold in_range in Hj; lia).
  assert (S := sum_of_exponentials_error M gamma kappa N x xh a ah d w s theta HM Hg Hk HN Ha He Hs Ht).
  apply entry_by_division with (w j) s; try assumption.
  - apply relative_error_nonnegative with (2 := S). apply sum_of_exponentials_positive. exact HN.
  - apply (exponential_error M N x xh a ah d w j HM Ha He Hj).
Qed.

(* Softmax without a shift. *)
Theorem softmax_naive_bound : forall M gamma kappa N x xh w s j r, sound M -> 0 <= gamma -> 0 <= kappa ->
  in_range N j -> run_softmax_naive M gamma kappa N x xh w s j r ->
  sum_error M (expm1 (flush M)) gamma kappa 0 1 (INR N) (lse N x) < 1 ->
  Rabs (r - softmax N x j) <= softmax_entry M (expm1 (flush M))
    (sum_error M (expm1 (flush M)) gamma kappa 0 1 (INR N) (lse N x)) (softmax N x j) 0 (lse N x).
Proof.
  intros M gamma kappa N x xh w s j r HM Hg Hk Hj (He & Hs & Hr) H1.
  assert (HN : (1 <= N)%nat) by (unfold in_range in Hj; lia).
  assert (S := sum_of_naive_exponentials_error M gamma kappa N x xh w s HM Hg Hk HN He Hs).
  rewrite (eq_total N (fun i => exp (x i)) (fun i => exp (x i - 0))) in S by (intros; f_equal; ring).
  destruct (He j Hj) as [Hx Hw]. assert (W := exp_step M (xh j) (x j) (flush M) (w j) HM Hx Hw).
  assert (B : Rabs (r - softmax N x j) <= softmax_entry M (expm1 (flush M))
    (sum_error M (expm1 (flush M)) gamma kappa 0 1 (INR N) (lse N x)) (softmax N x j) (softmax N x j * 0)
    (lse N x - 0)).
  { apply entry_by_division with (w j) s; try assumption.
    - apply relative_error_nonnegative with (2 := S). apply sum_of_exponentials_positive. exact HN.
    - rewrite Rminus_0_r. replace (both (both (exp_rel M) (expm1 (flush M))) 0)
        with (both (exp_rel M) (expm1 (flush M))) by (unfold both; ring). exact W. }
  rewrite Rmult_0_r, Rminus_0_r in B. exact B.
Qed.

(* Softmax with the denominator of a state (m, s) whose sum errs by sigma. *)
Lemma softmax_of_state : forall M N x xh m s d w j r sigma, sound M -> in_range N j -> m = largest N xh ->
  Rabs (s - total N (fun i => exp (x i - largest N x))) <= total N (fun i => exp (x i - largest N x)) * sigma ->
  sigma < 1 -> exponentials M N x xh m d w -> divides M (w j) s r ->
  Rabs (r - softmax N x j) <= softmax_entry M (stretch M) sigma
    (softmax N x j) (softmax N x j * expm1 (u M * Rabs (x j - largest N x))) (lse N x - largest N x).
Proof.
  intros M N x xh m s d w j r sigma HM Hj E Hs H1 He Hr.
  assert (HN : (1 <= N)%nat) by (unfold in_range in Hj; lia).
  assert (Hm : reads M (largest N x) m).
  { rewrite E. apply reads_largest; [exact HN|]. intros i Hi. apply He. exact Hi. }
  apply entry_by_division with (w j) s; try assumption.
  - apply relative_error_nonnegative with (2 := Hs). apply sum_of_exponentials_positive. exact HN.
  - apply (exponential_error M N x xh _ m d w j HM Hm He Hj).
Qed.

(* Softmax with the denominator of the online pass. *)
Theorem softmax_online_bound : forall M N x xh m s rises d w j r, sound M -> in_range N j ->
  run_softmax_online M N x xh m s rises d w j r ->
  online_error M N rises (drift M N x (largest N x)) (lse N x - largest N x) < 1 ->
  Rabs (r - softmax N x j) <= softmax_entry M (stretch M)
    (online_error M N rises (drift M N x (largest N x)) (lse N x - largest N x))
    (softmax N x j) (softmax N x j * expm1 (u M * Rabs (x j - largest N x))) (lse N x - largest N x).
Proof.
  intros M N x xh m s rises d w j r HM Hj (Ho & He & Hr) H1.
  assert (Hx : forall i, in_range N i -> reads M (x i) (xh i)) by (intros i Hi; apply He; exact Hi).
  destruct (online_error_bound M N x xh m s rises HM Hx Ho) as [E S].
  apply softmax_of_state with xh m s d w; assumption.
Qed.

(* Softmax with the denominator of a tree of merges. *)
Theorem softmax_merged_bound : forall M N x xh m s h d w j r, sound M -> in_range N j ->
  run_softmax_merged M N x xh m s h d w j r ->
  merged_error M N h (drift M N x (largest N x)) (lse N x - largest N x) < 1 ->
  Rabs (r - softmax N x j) <= softmax_entry M (stretch M)
    (merged_error M N h (drift M N x (largest N x)) (lse N x - largest N x))
    (softmax N x j) (softmax N x j * expm1 (u M * Rabs (x j - largest N x))) (lse N x - largest N x).
Proof.
  intros M N x xh m s h d w j r HM Hj (Ho & He & Hr) H1.
  assert (Hx : forall i, in_range N i -> reads M (x i) (xh i)) by (intros i Hi; apply He; exact Hi).
  destruct (merged_error_bound M N x xh h m s HM Hx Ho) as [E S].
  apply softmax_of_state with xh m s d w; assumption.
Qed.

(* Softmax without a division. *)
Theorem softmax_division_free_bound : forall M N x xh yh e j t r, sound M -> in_range N j ->
  Rabs (yh - lse N x) <= e -> run_division_free M x xh yh j t r ->
  Rabs (r - softmax N x j) <=
    softmax_division_free M e (softmax N x j) (softmax N x j * expm1 (u M * Rabs (x j - lse N x))).
Proof.
  intros M N x xh yh e j t r HM Hj Hy (Hx & [Ht _] & Hr).
  assert (HN : (1 <= N)%nat) by (unfold in_range in Hj; lia).
  assert (K : Rabs (xh j + - yh - (x j - lse N x)) <= e + flush M).
  { unfold reads in Hx. apply distance in Hx. apply distance in Hy. apply Rabs_le. lra. }
  assert (HU : 0 <= u M) by (unfold sound in HM; lra).
  assert (A := rounded_step (u M) (flush M) t _ _ _ HU Ht K).
  assert (B := exp_step M t _ _ r HM A Hr). rewrite <- softmax_is_exp in B by exact HN.
  replace ((1 + u M) * (e + flush M) + u M * Rabs (x j - lse N x) + flush M)
    with ((1 + u M) * (e + flush M) + flush M + u M * Rabs (x j - lse N x)) in B by ring.
  rewrite expm1_add, <- both_associates in B. apply Rle_trans with (1 := B). apply Req_le.
  unfold softmax_division_free. fold (free_factor M e). unfold both at 1. ring.
Qed.

(* --------------------------------------------------------------------------------- relative to the largest entry *)

(* The componentwise bound, relative to the largest entry. *)
Lemma entry_in_norm : forall M N x j X sigma, sound M -> in_range N j -> 0 <= X -> 0 <= sigma -> sigma < 1 ->
  softmax_entry M X sigma (softmax N x j) (softmax N x j * expm1 (u M * Rabs (x j - largest N x)))
    (lse N x - largest N x)
  <= softmax_norm M X sigma (lse N x - largest N x) * largest N (softmax N x).
Proof.
  intros M N x j X sigma HM Hj HX H0 H1. assert (HN : (1 <= N)%nat) by (unfold in_range in Hj; lia).
  assert (Hg : softmax N x j <= largest N (softmax N x)) by (apply largest_bounds; exact Hj).
  assert (HD := largest_bounds N x j Hj). destruct (sound_signs M HM) as [Hu [He [HE [Hn Hf]]]].
  rewrite largest_softmax in * by exact HN. set (L := lse N x - largest N x) in *.
  set (D := largest N x - x j). set (c := u M / (exp 1 * (1 - u M))).
  assert (W := weighed_drift (u M) D Hu ltac:(unfold D; lra)). fold c in W.
  assert (Q : softmax N x j * expm1 (u M * Rabs (x j - largest N x)) <= exp (- L) * c).
  { rewrite softmax_is_exp, Rabs_left1 by (try exact HN; lra).
    replace (x j - lse N x) with (- L + - D) by (unfold L, D; ring). rewrite exp_plus, Rmult_assoc.
    replace (- (x j - largest N x)) with D by (unfold D; ring).
    apply Rmult_le_compat_l; [left; apply exp_pos | exact W]. }
  set (q := softmax N x j * expm1 (u M * Rabs (x j - largest N x))) in *. set (g := softmax N x j) in *.
  assert (B := both_nonnegative (exp_rel M) X He HX). set (b := both (exp_rel M) X) in *.
  unfold softmax_entry, softmax_norm, quotient_error. fold b c.
  assert (E : exp L * exp (- L) = 1) by (rewrite <- exp_plus, Rplus_opp_r; apply exp_0).
  assert (I : 0 <= / (1 - sigma)) by (left; apply Rinv_0_lt_compat; lra).
  assert (T : (1 + b) * q + (b + sigma) * g + exp_abs M * exp (- L)
              <= ((1 + b) * c + (b + sigma) + exp_abs M) * exp (- L)).
  { assert (T1 := Rmult_le_compat_l (1 + b) _ _ ltac:(lra) Q).
    assert (T2 := Rmult_le_compat_l (b + sigma) _ _ ltac:(lra) Hg). lra. }
  assert (T3 := Rmult_le_compat_r _ _ _ I T).
  assert (T4 := Rmult_le_compat_l (1 + u M) _ _ ltac:(lra) T3).
  assert (T5 := Rmult_le_compat_l (u M) _ _ (proj1 Hu) Hg).
  replace (((1 + u M) * (((1 + b) * c + (b + sigma) + exp_abs M) / (1 - sigma)) + u M + under M * exp L) * exp (- L))
    with ((1 + u M) * (((1 + b) * c + (b + sigma) + exp_abs M) * exp (- L) * / (1 - sigma)) + u M * exp (- L)
          + under M * (exp L * exp (- L))) by (field; lra).
  rewrite E. unfold Rdiv. lra.
Qed.

(* Softmax with the maximum as the shift. *)
Theorem softmax_norm_bound : forall M gamma kappa N x xh ah d w s j r theta, sound M -> 0 <= gamma -> 0 <= kappa ->
  in_range N j -> run_softmax M gamma kappa N x xh (largest N x) ah d w s j r ->
  (theta = 1 \/ (flush M = 0 /\ theta = tail N x)) ->
  sum_error M (stretch M) gamma kappa (drift M N x (largest N x)) theta (INR N) (lse N x - largest N x) < 1 ->
  Rabs (r - softmax N x j) <= softmax_norm M (stretch M)
    (sum_error M (stretch M) gamma kappa (drift M N x (largest N x)) theta (INR N) (lse N x - largest N x))
    (lse N x - largest N x) * largest N (softmax N x).
Proof.
  intros M gamma kappa N x xh ah d w s j r theta HM Hg Hk Hj HR Ht H1.
  assert (HN : (1 <= N)%nat) by (unfold in_range in Hj; lia).
  assert (Ht' : theta = 1 \/ (flush M = 0 /\ largest N x = largest N x /\ theta = tail N x)) by tauto.
  assert (A := softmax_shifted_bound M gamma kappa N x xh _ ah d w s j r theta HM Hg Hk Hj HR Ht' H1).
  apply Rle_trans with (1 := A). apply entry_in_norm; try assumption; [apply stretch_nonnegative; exact HM|].
  destruct HR as (Ha & He & Hs & _).
  assert (S := sum_of_exponentials_error M gamma kappa N x xh _ ah d w s theta HM Hg Hk HN Ha He Hs Ht').
  apply relative_error_nonnegative with (2 := S). apply sum_of_exponentials_positive. exact HN.
Qed.

(* Softmax with the denominator of the online pass. *)
Theorem softmax_online_norm_bound : forall M N x xh m s rises d w j r, sound M -> in_range N j ->
  run_softmax_online M N x xh m s rises d w j r ->
  online_error M N rises (drift M N x (largest N x)) (lse N x - largest N x) < 1 ->
  Rabs (r - softmax N x j) <= softmax_norm M (stretch M)
    (online_error M N rises (drift M N x (largest N x)) (lse N x - largest N x))
    (lse N x - largest N x) * largest N (softmax N x).
Proof.
  intros M N x xh m s rises d w j r HM Hj HR H1.
  assert (HN : (1 <= N)%nat) by (unfold in_range in Hj; lia).
  assert (A := softmax_online_bound M N x xh m s rises d w j r HM Hj HR H1).
  apply Rle_trans with (1 := A). apply entry_in_norm; try assumption; [apply stretch_nonnegative; exact HM|].
  destruct HR as (Ho & He & _).
  assert (Hx : forall i, in_range N i -> reads M (x i) (xh i)) by (intros i Hi; apply He; exact Hi).
  destruct (online_error_bound M N x xh m s rises HM Hx Ho) as [_ S].
  apply relative_error_nonnegative with (2 := S). apply sum_of_exponentials_positive. exact HN.
Qed.

(* Softmax without a division. *)
Theorem division_free_norm_bound : forall M N x xh yh e j t r, sound M -> in_range N j ->
  Rabs (yh - lse N x) <= e -> run_division_free M x xh yh j t r ->
  Rabs (r - softmax N x j) <= division_free_norm M e (lse N x - largest N x) * largest N (softmax N x).
Proof.
  intros M N x xh yh e j t r HM Hj Hy HR. assert (HN : (1 <= N)%nat) by (unfold in_range in Hj; lia).
  assert (A := softmax_division_free_bound M N x xh yh e j t r HM Hj Hy HR). apply Rle_trans with (1 := A). clear A HR.
  assert (H0 : 0 <= e) by (apply Rle_trans with (2 := Hy); apply Rabs_pos).
  assert (Hg : softmax N x j <= largest N (softmax N x)) by (apply largest_bounds; exact Hj).
  assert (HD := largest_bounds N x j Hj). assert (HL := largest_at_most_lse N x HN).
  destruct (sound_signs M HM) as [Hu [He [HE [Hn Hf]]]].
  rewrite largest_softmax in * by exact HN. set (L := lse N x - largest N x) in *.
  set (D := largest N x - x j). set (c := u M / (exp 1 * (1 - u M))).
  assert (W := weighed_drift (u M) D Hu ltac:(unfold D; lra)). fold c in W.
  assert (T0 : 0 <= expm1 (u M * L)) by (apply expm1_nonnegative, Rmult_le_pos; unfold L; lra).
  assert (Q : softmax N x j * expm1 (u M * Rabs (x j - lse N x))
              <= exp (- L) * (expm1 (u M * L) + (1 + expm1 (u M * L)) * c)).
  { rewrite softmax_is_exp, Rabs_left1 by (try exact HN; lra).
    replace (- (x j - lse N x)) with (L + D) by (unfold L, D; ring).
    replace (x j - lse N x) with (- L + - D) by (unfold L, D; ring). rewrite exp_plus, Rmult_assoc.
    apply Rmult_le_compat_l; [left; apply exp_pos|]. rewrite Rmult_plus_distr_l, expm1_add. unfold both.
    assert (E1 : exp (- D) <= 1) by (apply exp_at_most_one; unfold D; lra).
    assert (E2 := Rmult_le_compat_r _ _ _ T0 E1).
    assert (E3 := Rmult_le_compat_l (1 + expm1 (u M * L)) _ _ ltac:(lra) W). lra. }
  assert (F0 : 0 <= free_factor M e).
  { unfold free_factor. apply both_nonnegative; [exact He|]. apply expm1_nonnegative.
    assert (0 <= (1 + u M) * (e + flush M)) by (apply Rmult_le_pos; lra). lra. }
  unfold softmax_division_free, division_free_norm. fold c.
  assert (E : exp L * exp (- L) = 1) by (rewrite <- exp_plus, Rplus_opp_r; apply exp_0).
  assert (E1 := Rmult_le_compat_l _ _ _ F0 Hg).
  assert (E2 := Rmult_le_compat_l (1 + free_factor M e) _ _ ltac:(lra) Q).
  rewrite !Rmult_plus_distr_r, (Rmult_assoc (exp_abs M)), E. lra.
Qed.

(* -------------------------------------------------------------------------------------------------- the gradient *)

(* In exact arithmetic the gradient of logsumexp is softmax. *)
Theorem gradient_is_softmax : forall N x j, in_range N j -> partial (lse N) x j = softmax N x j.
Proof.
  intros N x j Hj. assert (HN : (1 <= N)%nat) by (unfold in_range in Hj; lia).
  assert (P : 0 < total N (fun i => exp (x i))) by (apply total_positive; [exact HN | intros; apply exp_pos]).
  assert (T : forall i, smooth (fun y => exp (y i)) x j) by (intro i; apply smooth_exp, (smooth_entry i)).
  unfold lse. rewrite (rule_derivative_log (fun y => total N (fun i => exp (y i))));
    [|apply smooth_total; auto | exact P].
  rewrite (rule_derivative_sum N (fun y i => exp (y i))) by auto. unfold softmax. f_equal.
  rewrite <- (rule_sum_delta N (fun i => exp (x i)) j Hj). apply eq_total. intros i _.
  rewrite (rule_derivative_exp (fun y => y i)) by apply (smooth_entry i).
  rewrite rule_derivative_entry. apply Rmult_comm.
Qed.

(* The gradient of logsumexp is computed without a division from the computed
   logsumexp; softmax itself with a division. The two computed vectors differ by no more than this. *)
Theorem gradient_bound : forall M gamma kappa N x xh a ah d w s j r theta xh' yh e t r', sound M -> 0 <= gamma ->
  0 <= kappa -> in_range N j -> run_softmax M gamma kappa N x xh a ah d w s j r ->
  (theta = 1 \/ (flush M = 0 /\ a = largest N x /\ theta = tail N x)) ->
  sum_error M (stretch M) gamma kappa (drift M N x a) theta (INR N) (lse N x - a) < 1 ->
  Rabs (yh - lse N x) <= e -> run_division_free M x xh' yh j t r' ->
  Rabs (r' - r) <=
    softmax_division_free M e (softmax N x j) (softmax N x j * expm1 (u M * Rabs (x j - lse N x)))
    + softmax_entry M (stretch M)
        (sum_error M (stretch M) gamma kappa (drift M N x a) theta (INR N) (lse N x - a))
        (softmax N x j) (softmax N x j * expm1 (u M * Rabs (x j - a))) (lse N x - a).
Proof.
  intros M gamma kappa N x xh a ah d w s j r theta xh' yh e t r' HM Hg Hk Hj HR Ht H1 Hy HF.
  apply distance_chain with (softmax N x j).
  - apply softmax_division_free_bound with xh' yh t; assumption.
  - rewrite Rabs_minus_sym. apply softmax_shifted_bound with xh ah d w s; assumption.
Qed.

(* The same relative to the largest entry, for the maximum as the shift. *)
Theorem gradient_norm_bound : forall M gamma kappa N x xh ah d w s j r theta xh' yh e t r', sound M -> 0 <= gamma ->
  0 <= kappa -> in_range N j -> run_softmax M gamma kappa N x xh (largest N x) ah d w s j r ->
  (theta = 1 \/ (flush M = 0 /\ theta = tail N x)) ->
  sum_error M (stretch M) gamma kappa (drift M N x (largest N x)) theta (INR N) (lse N x - largest N x) < 1 ->
  Rabs (yh - lse N x) <= e -> run_division_free M x xh' yh j t r' ->
  Rabs (r' - r) <= (division_free_norm M e (lse N x - largest N x)
    + softmax_norm M (stretch M)
        (sum_error M (stretch M) gamma kappa (drift M N x (largest N x)) theta (INR N) (lse N x - largest N x))
        (lse N x - largest N x)) * largest N (softmax N x).
Proof.
  intros M gamma kappa N x xh ah d w s j r theta xh' yh e t r' HM Hg Hk Hj HR Ht H1 Hy HF.
  rewrite Rmult_plus_distr_r. apply distance_chain with (softmax N x j).
  - apply division_free_norm_bound with xh' yh t; assumption.
  - rewrite Rabs_minus_sym. apply softmax_norm_bound with xh ah d w s; assumption.
Qed.

(* --------------------------------------------------------------------------------------- sigmoid, and no overflow *)

(* The two numbers 0 and z. *)
Definition zero_and (z : R) : nat -> R := fun i => if Nat.eqb i 2 then z else 0.

(* The sigmoid of z is the second entry of softmax of (0, z), *)
Theorem sigmoid_is_softmax : forall z, softmax 2 (zero_and z) 2 = 1 / (1 + exp (- z)).
Proof.
  intro z. unfold softmax, zero_and. cbn [total Nat.eqb]. rewrite exp_0, exp_Ropp.
  assert (P := exp_pos z). field. lra.
Qed.

(* and that of -z the first. *)
Theorem sigmoid_of_opposite : forall z, softmax 2 (zero_and z) 1 = 1 / (1 + exp z).
Proof.
  intro z. unfold softmax, zero_and. cbn [total Nat.eqb]. rewrite exp_0, Rplus_0_l. reflexivity.
Qed.

(* An entry is at most 1. *)
Lemma softmax_at_most_one : forall N x j, in_range N j -> softmax N x j <= 1.
Proof.
  intros N x j Hj. assert (HN : (1 <= N)%nat) by (unfold in_range in Hj; lia).
  rewrite softmax_is_exp by exact HN. apply exp_at_most_one.
  assert (A := largest_bounds N x j Hj). assert (B := largest_at_most_lse N x HN). lra.
Qed.

(* With the maximum as the shift no computed exponential is much larger than 1. *)
Theorem exponential_size : forall M N x xh ah d w i, sound M -> reads M (largest N x) ah ->
  exponentials M N x xh ah d w -> in_range N i ->
  0 <= w i <= 1 + both (exp_rel M) (stretch M) + exp_abs M.
Proof.
  intros M N x xh ah d w i HM Ha He Hi. destruct (sound_signs M HM) as [Hu [H1 _]].
  split; [apply (He i Hi)|]. assert (A := exponential_error M N x xh _ ah d w i HM Ha He Hi).
  apply distance in A. assert (HD := largest_bounds N x i Hi).
  assert (B := both_nonnegative _ _ H1 (stretch_nonnegative M HM)). set (b := both (exp_rel M) (stretch M)) in *.
  set (D := x i - largest N x) in *.
  assert (C : exp D * exp (u M * Rabs D) <= 1).
  { rewrite <- exp_plus. apply exp_at_most_one. unfold D. rewrite Rabs_left1 by lra. nra. }
  assert (E := Rmult_le_compat_l (1 + b) _ _ ltac:(lra) C).
  replace (exp D * both b (expm1 (u M * Rabs D))) with ((1 + b) * (exp D * exp (u M * Rabs D)) - exp D) in A
    by (unfold both, expm1; ring).
  lra.
Qed.

(* Nor is their computed sum much larger than N. *)
Theorem sum_size : forall M gamma kappa N x xh ah d w s, sound M -> 0 <= gamma -> 0 <= kappa -> (1 <= N)%nat ->
  reads M (largest N x) ah -> exponentials M N x xh ah d w -> sums gamma kappa N w s ->
  Rabs s <= (1 + gamma) * (INR N * (1 + both (exp_rel M) (stretch M) + exp_abs M)) + kappa.
Proof.
  intros M gamma kappa N x xh ah d w s HM Hg Hk HN Ha He Hs. unfold sums in Hs.
  assert (A : total N (fun i => Rabs (w i)) <= INR N * (1 + both (exp_rel M) (stretch M) + exp_abs M)).
  { rewrite <- rule_sum_constant. apply le_total; [exact HN|]. intros i Hi.
    destruct (exponential_size M N x xh ah d w i HM Ha He Hi) as [P Q]. rewrite Rabs_pos_eq; assumption. }
  assert (B := total_abs N w). assert (C := abs_moves _ _ _ Hs).
  assert (D := Rmult_le_compat_l _ _ _ Hg A). lra.
Qed.

(* And a computed entry exceeds 1 by no more than its bound. *)
Theorem entry_size : forall N x j r e, in_range N j -> Rabs (r - softmax N x j) <= e -> Rabs r <= 1 + e.
Proof.
  intros N x j r e Hj H. assert (HN : (1 <= N)%nat) by (unfold in_range in Hj; lia).
  assert (A := abs_moves _ _ _ H). assert (P := softmax_positive N x j HN).
  rewrite (Rabs_pos_eq (softmax N x j)) in A by lra. assert (B := softmax_at_most_one N x j Hj). lra.
Qed.
