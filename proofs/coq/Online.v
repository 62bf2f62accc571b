(* Rounding in the pass with a running maximum and in trees of merges.

   A state (m, d) stands for the entries read so far: m is their maximum, d the sum of their exponentials exp(y_i - m).
   The maximum that an entry is measured from rises many times, and every rise multiplies d by a rounded exponential.
   But the differences that one entry passes through add up to m - y_i, whatever the number of rises: their rounding
   costs the factor exp(u (m - y_i)) in all. What does grow with the number of rises is the error of the exponentials
   and of the products, one of each to a rise.

   Names: `exact_state` is the sum that d stands for; `rounded_state` the same with the factor exp(u (m - y_i)) for
   every entry; `within S H U d` says that d errs by at most H - S + U where S is meant: H is S with the
   factors of all relative errors, U the underflow. `exp_factor` is what a rise costs through its exponential.

   Sources: Milakov, Gimelshein, arXiv 1805.02867; Blanchard, Higham, Higham, IMA J. Numer. Anal. 41 (2021)
   2311-2330. *)

From Coq Require Import Reals Lra Lia.
From ShiftProof Require Import Rules Model Formulas Steps.
Open Scope R_scope.

(* ------------------------------------------------------------------------------------------------ definitions *)

Definition within (S H U d : R) : Prop := Rabs (d - S) <= H - S + U.

(* Over the entries y_(i+1) .. y_(i+n). *)
Definition exact_state (y : nat -> R) (i n : nat) (m : R) : R := total n (fun j => exp (y (i + j)%nat - m)).
Definition rounded_state (M : model) (y : nat -> R) (i n : nat) (m : R) : R :=
  total n (fun j => exp ((1 - u M) * (y (i + j)%nat - m))).
Definition below (y : nat -> R) (i n : nat) (m : R) : Prop := forall j, in_range n j -> y (i + j)%nat <= m.
Definition is_top (y : nat -> R) (i n : nat) (m : R) : Prop :=
  below y i n m /\ exists j, in_range n j /\ y (i + j)%nat = m.

Definition exp_factor (M : model) : R := (1 + exp_rel M) * exp (flush M).
Definition leak (M : model) : R := exp_abs M + under M + flush M.

(* --------------------------------------------------------------------------------------------- errors combine *)

(* The two errors of a sum add up. *)
Lemma within_add : forall S1 H1 U1 d1 S2 H2 U2 d2, within S1 H1 U1 d1 -> within S2 H2 U2 d2 ->
  within (S1 + S2) (H1 + H2) (U1 + U2) (d1 + d2).
Proof.
  unfold within. intros S1 H1 U1 d1 S2 H2 U2 d2 A B.
  replace (d1 + d2 - (S1 + S2)) with ((d1 - S1) + (d2 - S2)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _). lra.
Qed.

(* What errs by H - S + U is at most H + U. *)
Lemma within_size : forall S H U d, 0 <= S -> within S H U d -> Rabs d <= H + U.
Proof.
  unfold within. intros S H U d HS A. replace d with ((d - S) + S) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _). rewrite (Rabs_pos_eq S) by exact HS. lra.
Qed.

(* The two errors of a product. *)
Lemma within_mul : forall S1 H1 U1 d1 S2 H2 U2 d2, 0 <= S1 -> 0 <= S2 -> within S1 H1 U1 d1 -> within S2 H2 U2 d2 ->
  within (S1 * S2) (H1 * H2) (U1 * H2 + U2 * H1 + U1 * U2) (d1 * d2).
Proof.
  intros S1 H1 U1 d1 S2 H2 U2 d2 P1 P2 A B.
  assert (C := within_size _ _ _ _ P2 B). unfold within in *.
  replace (d1 * d2 - S1 * S2) with ((d1 - S1) * d2 + S1 * (d2 - S2)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _). rewrite !Rabs_mult, (Rabs_pos_eq S1) by exact P1.
  assert (E1 : Rabs (d1 - S1) * Rabs d2 <= (H1 - S1 + U1) * (H2 + U2))
    by (apply Rmult_le_compat; try apply Rabs_pos; assumption).
  assert (E2 : S1 * Rabs (d2 - S2) <= S1 * (H2 - S2 + U2)) by (apply Rmult_le_compat_l; assumption).
  replace (H1 * H2 - S1 * S2 + (U1 * H2 + U2 * H1 + U1 * U2))
    with ((H1 - S1 + U1) * (H2 + U2) + S1 * (H2 - S2 + U2)) by ring.
  lra.
Qed.

(* A rounding on top. *)
Lemma within_round : forall v k S H U d r, 0 <= v -> 0 <= S -> within S H U d -> Rabs (r - d) <= v * Rabs d + k ->
  within S ((1 + v) * H) ((1 + v) * U + k) r.
Proof.
  intros v k S H U d r Hv HS A B. assert (C := within_size _ _ _ _ HS A). unfold within in *.
  replace (r - S) with ((r - d) + (d - S)) by ring. apply Rle_trans with (1 := Rabs_triang _ _).
  assert (E := Rmult_le_compat_l v _ _ Hv C). lra.
Qed.

(* Larger bounds are bounds. *)
Lemma within_le : forall S H U H' U' d, H <= H' -> U <= U' -> within S H U d -> within S H' U' d.
Proof. unfold within. intros. lra. Qed.

(* -------------------------------------------------------------------------------------------------- the model *)

(* The signs of its numbers that matter here. *)
Lemma sound_signs : forall M, sound M ->
  0 <= u M < 1 /\ 0 <= exp_rel M /\ 0 <= exp_abs M /\ 0 <= under M /\ 0 <= flush M.
Proof. unfold sound. intros M H. tauto. Qed.

(* exp of a nonnegative number is at least 1, *)
Lemma exp_at_least_one : forall z, 0 <= z -> 1 <= exp z.
Proof. intros z Hz. rewrite <- exp_0. apply le_exp. exact Hz. Qed.

(* and of one that is not positive at most 1. *)
Lemma exp_at_most_one : forall z, z <= 0 -> exp z <= 1.
Proof. intros z Hz. rewrite <- exp_0. apply le_exp. exact Hz. Qed.

(* What an exponential costs is a factor of at least 1. *)
Lemma exp_factor_size : forall M, sound M -> 1 <= exp_factor M.
Proof.
  intros M HM. destruct (sound_signs M HM) as [Hu [He [HE [Hn Hf]]]]. unfold exp_factor.
  assert (A := exp_at_least_one _ Hf). nra.
Qed.

(* The absolute terms are not negative. *)
Lemma leak_size : forall M, sound M -> 0 <= leak M.
Proof. intros M HM. destruct (sound_signs M HM) as [Hu [He [HE [Hn Hf]]]]. unfold leak. lra. Qed.

(* What one step multiplies by, absolute errors of the exponential included. *)
Lemma step_growth_size : forall M, sound M ->
  (1 + u M) * ((1 + u M) * (exp_factor M + exp_abs M)) <= 1 + step_growth M.
Proof.
  intros M HM. destruct (sound_signs M HM) as [Hu [He [HE [Hn Hf]]]].
  assert (A := exp_factor_size M HM).
  assert (Z : exp_factor M <= (1 + exp_rel M) * exp (zeta M)).
  { apply Rmult_le_compat_l; [lra|]. apply le_exp. unfold zeta. nra. }
  replace (1 + step_growth M)
    with ((1 + u M) * ((1 + u M) * ((1 + exp_rel M) * exp (zeta M) * (1 + exp_abs M))))
    by (unfold step_growth, stretch, both, expm1; ring).
  apply Rmult_le_compat_l; [lra|]. apply Rmult_le_compat_l; [lra|]. nra.
Qed.

(* The same without the absolute error, and its parts. *)
Lemma step_growth_parts : forall M, sound M -> 1 + u M <= 1 + step_growth M /\
  (1 + u M) * ((1 + u M) * exp_factor M) <= 1 + step_growth M /\ exp_factor M <= 1 + step_growth M /\
  (1 + u M) * (1 + u M) <= 1 + step_growth M.
Proof.
  intros M HM. destruct (sound_signs M HM) as [Hu [He [HE [Hn Hf]]]].
  assert (A := exp_factor_size M HM). assert (B := step_growth_size M HM).
  assert (C : (1 + u M) * ((1 + u M) * exp_factor M) <= (1 + u M) * ((1 + u M) * (exp_factor M + exp_abs M))).
  { apply Rmult_le_compat_l; [lra|]. apply Rmult_le_compat_l; lra. }
  assert (D : 1 <= (1 + u M) * (1 + u M)) by nra.
  assert (E : (1 + u M) * (1 + u M) * 1 <= (1 + u M) * (1 + u M) * exp_factor M)
    by (apply Rmult_le_compat_l; lra).
  assert (F : 1 * exp_factor M <= (1 + u M) * (1 + u M) * exp_factor M) by (apply Rmult_le_compat_r; lra).
  repeat split; nra.
Qed.

(* ---------------------------------------------------------------------------------------------------- states *)

(* A sum in two parts. *)
Lemma total_split : forall n1 n2 f, total (n1 + n2) f = total n1 f + total n2 (fun j => f (n1 + j)%nat).
Proof.
  intros n1 n2 f. induction n2 as [|n IH]; [rewrite Nat.add_0_r; cbn [total]; ring|].
  rewrite Nat.add_succ_r. cbn [total]. rewrite IH. rewrite Nat.add_succ_r. ring.
Qed.

(* A state is not negative, *)
Lemma exact_state_nonneg : forall y i n m, 0 <= exact_state y i n m.
Proof. intros. apply total_at_least_zero. intros j _. left. apply exp_pos. Qed.

(* with the factors neither. *)
Lemma rounded_state_nonneg : forall M y i n m, 0 <= rounded_state M y i n m.
Proof. intros. apply total_at_least_zero. intros j _. left. apply exp_pos. Qed.

(* With the factors it is still at most n. *)
Lemma rounded_state_length : forall M y i n m, sound M -> below y i n m -> rounded_state M y i n m <= INR n.
Proof.
  intros M y i n m HM B. destruct (sound_signs M HM) as [Hu _]. unfold rounded_state. unfold below in B.
  replace (INR n) with (total n (fun _ => 1)) by (rewrite rule_sum_constant; ring).
  destruct n as [|n]; [apply Rle_refl|]. apply le_total; [lia|]. intros j Hj. apply exp_at_most_one.
  specialize (B j Hj). nra.
Qed.

(* A state measured from another maximum. *)
Lemma exact_state_moves : forall y i n b m, exact_state y i n b * exp (b - m) = exact_state y i n m.
Proof.
  intros. unfold exact_state. rewrite Rmult_comm, <- rule_sum_factor. apply eq_total. intros j _.
  rewrite <- exp_plus. f_equal. ring.
Qed.

(* The same with the factors. *)
Lemma rounded_state_moves : forall M y i n b m,
  rounded_state M y i n b * exp ((1 - u M) * (b - m)) = rounded_state M y i n m.
Proof.
  intros. unfold rounded_state. rewrite Rmult_comm, <- rule_sum_factor. apply eq_total. intros j _.
  rewrite <- exp_plus. f_equal. ring.
Qed.

(* -------------------------------------------------------------------------------------------------- one step *)

(* A computed exponential of b - m where b <= m. *)
Lemma scale_step : forall M b m t w, sound M -> b <= m -> subtracts M b m t -> exponentiates M t w ->
  within (exp (b - m)) (exp_factor M * exp ((1 - u M) * (b - m))) (exp_abs M) w.
Proof.
  intros M b m t w HM Hb [Ht _] [Hw _]. destruct (sound_signs M HM) as [Hu [He [HE [Hn Hf]]]].
  replace (b + - m) with (b - m) in Ht by ring. rewrite (Rabs_left1 (b - m)) in Ht by lra.
  set (D := b - m) in *. assert (HD : D <= 0) by (unfold D; lra).
  set (c := exp (flush M - u M * D)).
  assert (Hc : 1 <= c) by (apply exp_at_least_one; nra).
  assert (Up : exp t <= exp D * c).
  { unfold c. rewrite <- exp_plus. apply le_exp. unfold Rabs in Ht; destruct Rcase_abs; lra. }
  assert (Lo : exp D <= exp t * c).
  { unfold c. rewrite <- exp_plus. apply le_exp. unfold Rabs in Ht; destruct Rcase_abs; lra. }
  assert (P := exp_pos D). assert (Q := exp_pos t).
  assert (Near : Rabs (exp t - exp D) <= exp D * (c - 1)).
  { assert (exp D * (2 - c) <= exp t) by nra. apply Rabs_le. lra. }
  replace (exp_factor M * exp ((1 - u M) * D)) with ((1 + exp_rel M) * (exp D * c)).
  2: { unfold exp_factor, c. rewrite <- exp_plus, Rmult_assoc, <- exp_plus. f_equal. f_equal. ring. }
  replace (exp_abs M) with ((1 + exp_rel M) * 0 + exp_abs M) by ring.
  apply within_round with (d := exp t); [exact He | lra | unfold within; lra |].
  rewrite (Rabs_pos_eq (exp t)) by lra. exact Hw.
Qed.

(* A state is moved to a larger maximum. *)
Lemma rescale : forall M y i n b d G U m t w p, sound M -> 0 <= U -> 0 <= G -> below y i n b -> b <= m ->
  within (exact_state y i n b) (G * rounded_state M y i n b) U d ->
  subtracts M b m t -> exponentiates M t w -> multiplies M d w p ->
  within (exact_state y i n m) ((1 + u M) * exp_factor M * G * rounded_state M y i n m)
    ((1 + u M) * (U * (exp_factor M + exp_abs M) + exp_abs M * G * INR n) + under M) p.
Proof.
  intros M y i n b d G U m t w p HM HU HG HB Hb W Ht Hw [Hp _].
  assert (V := scale_step M b m t w HM Hb Ht Hw). destruct (sound_signs M HM) as [Hu [He [HE [Hn Hf]]]].
  assert (A := within_mul _ _ _ _ _ _ _ _ (exact_state_nonneg y i n b) (Rlt_le _ _ (exp_pos (b - m))) W V).
  rewrite exact_state_moves in A.
  assert (B := within_round _ _ _ _ _ _ _ (proj1 Hu) (exact_state_nonneg y i n m) A Hp).
  revert B. apply within_le.
  - right. rewrite <- (rounded_state_moves M y i n b m). ring.
  - apply Rplus_le_compat_r. apply Rmult_le_compat_l; [lra|].
    assert (E1 : exp ((1 - u M) * (b - m)) <= 1) by (apply exp_at_most_one; nra).
    assert (E2 := exp_pos ((1 - u M) * (b - m))). assert (E3 := exp_factor_size M HM).
    assert (E4 := rounded_state_length M y i n b HM HB). assert (E5 := rounded_state_nonneg M y i n b).
    assert (F1 : U * (exp_factor M * exp ((1 - u M) * (b - m))) <= U * (exp_factor M * 1)).
    { apply Rmult_le_compat_l; [exact HU|]. apply Rmult_le_compat_l; lra. }
    assert (F2 : exp_abs M * (G * rounded_state M y i n b) <= exp_abs M * (G * INR n)).
    { apply Rmult_le_compat_l; [exact HE|]. apply Rmult_le_compat_l; lra. }
    lra.
Qed.

(* ------------------------------------------------------------------------------------ the pass with a maximum *)

(* The relative part of the pass. *)
Definition online_factor (M : model) (n rises : nat) : R :=
  (1 + exp_rel M) ^ (1 + rises) * (1 + u M) ^ (n - 1 + rises) * exp (flush M) ^ (1 + rises).
Definition online_leak (M : model) (n : nat) : R := INR n * INR n * (1 + step_growth M) ^ n * leak M.

(* A step adds an addition. *)
Lemma online_factor_same : forall M n r, (1 <= n)%nat -> online_factor M (S n) r = (1 + u M) * online_factor M n r.
Proof.
  intros M n r Hn. unfold online_factor. replace (S n - 1 + r)%nat with (S (n - 1 + r)) by lia. cbn [pow]. ring.
Qed.

(* A rise adds an exponential, a product and an addition. *)
Lemma online_factor_rise : forall M n r, (1 <= n)%nat ->
  online_factor M (S n) (S r) = (1 + u M) * ((1 + u M) * exp_factor M * online_factor M n r).
Proof.
  intros M n r Hn. unfold online_factor, exp_factor. replace (S n - 1 + S r)%nat with (S (S (n - 1 + r))) by lia.
  cbn [pow plus]. ring.
Qed.

(* What a step does to the underflow. *)
Lemma online_leak_step : forall M n U, sound M -> U = online_leak M n ->
  (1 + step_growth M) * U + (INR n + 1) * ((1 + step_growth M) * (1 + step_growth M) ^ n * leak M)
  <= online_leak M (S n).
Proof.
  intros M n U HM ->. unfold online_leak. rewrite S_INR. cbn [pow].
  destruct (step_growth_parts M HM) as [A _]. destruct (sound_signs M HM) as [Hu _].
  assert (B := leak_size M HM). set (K := 1 + step_growth M) in *.
  assert (C : 0 <= K * K ^ n * leak M).
  { repeat apply Rmult_le_pos; [lra | apply pow_le; lra | exact B]. }
  assert (D := pos_INR n). nra.
Qed.

(* The maximum after one more entry. *)
Lemma below_last : forall y n m y', below y 0 n m -> y' = y (S n) -> below y 0 (S n) (Rmax m y').
Proof.
  intros y n m y' B -> j Hj. destruct (Nat.eq_dec j (S n)) as [->|Hne]; [apply Rmax_r|].
  apply Rle_trans with m; [apply B; unfold in_range in *; lia | apply Rmax_l].
Qed.

(* A step that leaves the maximum as it is. *)
Lemma online_same_step : forall M y n m d G U m' d', sound M -> exp_factor M <= G ->
  within (exact_state y 0 n m) (G * rounded_state M y 0 n m) U d -> y (S n) <= m ->
  online_step M m d (y (S n)) m' d' ->
  m' = m /\ within (exact_state y 0 (S n) m) ((1 + u M) * G * rounded_state M y 0 (S n) m)
              ((1 + u M) * (U + exp_abs M) + flush M) d'.
Proof.
  intros M y n m d G U m' d' HM HG W Hy [(_ & E & t & w & Ht & Hw & Hd)|(C & _)]; [|lra].
  split; [exact E|]. destruct (sound_signs M HM) as [Hu [He [HE [Hn Hf]]]].
  assert (V := scale_step M _ m t w HM Hy Ht Hw).
  assert (A := within_add _ _ _ _ _ _ _ _ W V).
  change (exact_state y 0 n m + exp (y (S n) - m)) with (exact_state y 0 (S n) m) in A.
  destruct Hd as [Hd _].
  assert (B := within_round _ _ _ _ _ _ _ (proj1 Hu) (exact_state_nonneg y 0 (S n) m) A Hd).
  revert B. apply within_le; [|lra].
  rewrite Rmult_assoc. apply Rmult_le_compat_l; [lra|].
  change (rounded_state M y 0 (S n) m) with (rounded_state M y 0 n m + exp ((1 - u M) * (y (S n) - m))).
  assert (P := exp_pos ((1 - u M) * (y (S n) - m))). nra.
Qed.

(* A step with a rise. *)
Lemma online_rise_step : forall M y n m d G U m' d', sound M -> 1 <= G -> 0 <= U -> below y 0 n m ->
  within (exact_state y 0 n m) (G * rounded_state M y 0 n m) U d -> m < y (S n) ->
  online_step M m d (y (S n)) m' d' ->
  m' = y (S n) /\
  within (exact_state y 0 (S n) m') ((1 + u M) * ((1 + u M) * exp_factor M * G) * rounded_state M y 0 (S n) m')
    ((1 + u M) * ((1 + u M) * (U * (exp_factor M + exp_abs M) + exp_abs M * G * INR n) + under M) + flush M) d'.
Proof.
  intros M y n m d G U m' d' HM HG HU HB W Hy [(C & _)|(_ & -> & t & w & p & Ht & Hw & Hp & Hd)]; [lra|].
  split; [reflexivity|]. destruct (sound_signs M HM) as [Hu [He [HE [Hn Hf]]]].
  assert (A := rescale M y 0 n m d G U (y (S n)) t w p HM HU ltac:(lra) HB (Rlt_le _ _ Hy) W Ht Hw Hp).
  assert (One : within 1 1 0 1) by (unfold within; rewrite Rminus_eq_0, Rabs_R0; lra).
  assert (B := within_add _ _ _ _ _ _ _ _ A One).
  assert (E : exact_state y 0 n (y (S n)) + 1 = exact_state y 0 (S n) (y (S n))).
  { change (exact_state y 0 (S n) (y (S n))) with (exact_state y 0 n (y (S n)) + exp (y (S n) - y (S n))).
    rewrite Rminus_eq_0, exp_0. reflexivity. }
  rewrite E in B. destruct Hd as [Hd _].
  assert (D := within_round _ _ _ _ _ _ _ (proj1 Hu) (exact_state_nonneg y 0 (S n) (y (S n))) B Hd).
  revert D. apply within_le; [|lra].
  change (rounded_state M y 0 (S n) (y (S n)))
    with (rounded_state M y 0 n (y (S n)) + exp ((1 - u M) * (y (S n) - y (S n)))).
  rewrite Rminus_eq_0, Rmult_0_r, exp_0. assert (F := exp_factor_size M HM).
  assert (F1 : 1 * 1 <= exp_factor M * G) by (apply Rmult_le_compat; lra).
  assert (F2 : 1 * 1 <= (1 + u M) * (exp_factor M * G)) by (apply Rmult_le_compat; lra).
  rewrite (Rmult_assoc (1 + u M) ((1 + u M) * exp_factor M * G)). apply Rmult_le_compat_l; lra.
Qed.

(* The state of the pass, after any number of entries. *)
Lemma online_state : forall M y n m d rises, sound M -> online M y n m d rises ->
  (1 <= n)%nat /\ is_top y 0 n m /\
  exp_factor M <= online_factor M n rises <= (1 + step_growth M) ^ n /\
  within (exact_state y 0 n m) (online_factor M n rises * rounded_state M y 0 n m) (online_leak M n) d.
Proof.
  intros M y n m d rises HM R.
  destruct (sound_signs M HM) as [Hu [He [HE [Hn Hf]]]]. assert (C := exp_factor_size M HM).
  destruct (step_growth_parts M HM) as [K1 [K2 [K3 K4]]]. assert (K0 := step_growth_size M HM).
  assert (HA := leak_size M HM).
  assert (One : online_factor M 1 0 = exp_factor M) by (unfold online_factor, exp_factor; cbn; ring).
  induction R as [|n m d r m' d' R IH Hy St|n m d r m' d' R IH Hy St].
  - split; [lia|]. split; [|split].
    + split; [|exists 1%nat; split; [unfold in_range; lia | reflexivity]].
      intros j Hj. unfold in_range in Hj. replace j with 1%nat by lia. right. reflexivity.
    + rewrite One. cbn [pow]. split; lra.
    + rewrite One. unfold exact_state, rounded_state, within. cbn [total Nat.add].
      replace (y 1%nat - y 1%nat) with 0 by ring. rewrite Rmult_0_r, exp_0.
      replace (1 - (0 + 1)) with 0 by ring. rewrite Rabs_R0.
      assert (B : 0 <= online_leak M 1).
      { unfold online_leak. cbn [INR pow]. repeat apply Rmult_le_pos; lra. }
      lra.
  - destruct IH as (N1 & [T1 T2] & [G1 G2] & W).
    destruct (online_same_step M y n m d _ _ m' d' HM G1 W Hy St) as [-> V].
    split; [lia|]. split; [|split].
    + split; [|destruct T2 as [j [J1 J2]]; exists j; split; [apply in_range_step; exact J1 | exact J2]].
      rewrite <- (Rmax_left m (y (S n))) by exact Hy. apply below_last; [exact T1 | reflexivity].
    + rewrite online_factor_same by exact N1. cbn [pow]. split; [nra|]. apply Rmult_le_compat; lra.
    + rewrite <- online_factor_same in V by exact N1. revert V. apply within_le; [lra|].
      apply Rle_trans with (2 := online_leak_step M n _ HM eq_refl).
      assert (P : 1 <= (1 + step_growth M) ^ n) by lra. assert (I := pos_INR n).
      assert (L : 0 <= online_leak M n).
      { unfold online_leak. repeat apply Rmult_le_pos; lra. }
      set (K := 1 + step_growth M) in *.
      assert (E1 : (1 + u M) * online_leak M n <= K * online_leak M n) by (apply Rmult_le_compat_r; lra).
      assert (E2 : (1 + u M) * leak M <= K * leak M) by (apply Rmult_le_compat_r; lra).
      assert (E3 : K * leak M <= K * K ^ n * leak M) by (apply Rmult_le_compat_r; nra).
      assert (E4 : 1 * (K * K ^ n * leak M) <= (INR n + 1) * (K * K ^ n * leak M))
        by (apply Rmult_le_compat_r; [repeat apply Rmult_le_pos|]; lra).
      assert (E5 : (1 + u M) * exp_abs M + flush M <= (1 + u M) * leak M) by (unfold leak; nra).
      lra.
  - destruct IH as (N1 & [T1 T2] & [G1 G2] & W).
    assert (P : 1 <= (1 + step_growth M) ^ n) by lra. assert (I := pos_INR n).
    assert (L : 0 <= online_leak M n).
    { unfold online_leak. repeat apply Rmult_le_pos; lra. }
    destruct (online_rise_step M y n m d _ _ m' d' HM (Rle_trans _ _ _ C G1) L T1 W Hy St) as [-> V].
    split; [lia|]. split; [|split].
    + split; [|exists (S n); split; [apply in_range_last | reflexivity]].
      rewrite <- (Rmax_right m (y (S n))) by lra. apply below_last; [exact T1 | reflexivity].
    + rewrite online_factor_rise by exact N1. cbn [pow].
      set (G := online_factor M n r) in *. set (K := 1 + step_growth M) in *.
      assert (E0 : 1 * 1 <= (1 + u M) * (1 + u M)) by (apply Rmult_le_compat; lra).
      assert (E1 : 1 * exp_factor M <= G * exp_factor M) by (apply Rmult_le_compat_r; lra).
      assert (E2 : 1 * (G * exp_factor M) <= (1 + u M) * (1 + u M) * (G * exp_factor M))
        by (apply Rmult_le_compat_r; nra).
      split; [lra|].
      replace ((1 + u M) * ((1 + u M) * exp_factor M * G)) with ((1 + u M) * ((1 + u M) * exp_factor M) * G) by ring.
      apply Rmult_le_compat; try lra. nra.
    + rewrite <- online_factor_rise in V by exact N1. revert V. apply within_le; [lra|].
      apply Rle_trans with (2 := online_leak_step M n _ HM eq_refl).
      set (G := online_factor M n r) in *. set (K := 1 + step_growth M) in *. set (U := online_leak M n) in *.
      assert (E1 : (1 + u M) * ((1 + u M) * (exp_factor M + exp_abs M)) * U <= K * U)
        by (apply Rmult_le_compat_r; lra).
      assert (E2 : exp_abs M * G * INR n <= exp_abs M * K ^ n * INR n).
      { apply Rmult_le_compat_r; [exact I|]. apply Rmult_le_compat_l; lra. }
      assert (Q : 0 <= exp_abs M * K ^ n * INR n) by (repeat apply Rmult_le_pos; lra).
      assert (E3 : (1 + u M) * (1 + u M) * (exp_abs M * G * INR n) <= K * (exp_abs M * K ^ n * INR n))
        by (apply Rle_trans with ((1 + u M) * (1 + u M) * (exp_abs M * K ^ n * INR n)); 
            [apply Rmult_le_compat_l; [nra | exact E2] | apply Rmult_le_compat_r; lra]).
      assert (E4 : (1 + u M) * under M + flush M <= K * K ^ n * (under M + flush M)).
      { assert (K * 1 <= K * K ^ n) by (apply Rmult_le_compat_l; lra). nra. }
      assert (Q2 : 0 <= INR n * (K * K ^ n * (under M + flush M))).
      { apply Rmult_le_pos; [exact I|]. apply Rmult_le_pos; [|lra]. apply Rmult_le_pos; lra. }
      assert (Q3 : 0 <= K * K ^ n * exp_abs M) by (repeat apply Rmult_le_pos; lra).
      unfold leak. 
      replace (K * U + (INR n + 1) * (K * K ^ n * (exp_abs M + under M + flush M)))
        with (K * U + K * (exp_abs M * K ^ n * INR n) + K * K ^ n * exp_abs M
              + INR n * (K * K ^ n * (under M + flush M)) + K * K ^ n * (under M + flush M)) by ring.
      lra.
Qed.

(* -------------------------------------------------------------------- from what was read to what was to be read *)

(* What drift says: the sum with the factor exp(u |x_i - a|) for every entry. *)
Lemma sum_with_drift : forall M N x a, (1 <= N)%nat ->
  total N (fun i => exp (x i - a) * exp (u M * Rabs (x i - a)))
  = total N (fun i => exp (x i - a)) * (1 + drift M N x a).
Proof.
  intros M N x a HN. unfold drift, expm1.
  assert (P : 0 < total N (fun i => exp (x i - a))) by (rewrite sum_of_exponentials by exact HN; apply exp_pos).
  rewrite (eq_total N _ (fun i => exp (x i - a) * (exp (u M * Rabs (x i - a)) - 1) + exp (x i - a)))
    by (intros; ring).
  rewrite rule_sum_add. field. lra.
Qed.

(* A maximum errs by no more than the numbers do. *)
Lemma reads_largest : forall M N x xh, (1 <= N)%nat -> (forall i, in_range N i -> reads M (x i) (xh i)) ->
  reads M (largest N x) (largest N xh).
Proof.
  intros M N x xh HN H. unfold reads in *.
  assert (A : largest N xh <= largest N x + flush M).
  { apply largest_at_most; [exact HN|]. intros i Hi. assert (B := largest_bounds N x i Hi).
    specialize (H i Hi). unfold Rabs in H. destruct Rcase_abs in H; lra. }
  assert (B : largest N x <= largest N xh + flush M).
  { apply largest_at_most; [exact HN|]. intros i Hi. assert (B := largest_bounds N xh i Hi).
    specialize (H i Hi). unfold Rabs in H. destruct Rcase_abs in H; lra. }
  apply Rabs_le. lra.
Qed.

(* One entry of a state: measured from m as read, and from a as meant. *)
Lemma entry_read : forall M x xh a m G, sound M -> reads M x xh -> reads M a m -> xh <= m -> 1 <= G ->
  Rabs (exp (xh - m) - exp (x - a)) + (G * exp ((1 - u M) * (xh - m)) - exp (xh - m))
  <= G * exp ((2 + 2 * u M) * flush M) * (exp (x - a) * exp (u M * Rabs (x - a))) - exp (x - a).
Proof.
  intros M x xh a m G HM Hx Ha Hm HG. destruct (sound_signs M HM) as [Hu [He [HE [Hn Hf]]]]. unfold reads in *.
  assert (D1 : Rabs ((xh - m) - (x - a)) <= 2 * flush M).
  { replace ((xh - m) - (x - a)) with ((xh - x) + - (m - a)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _). rewrite Rabs_Ropp. lra. }
  set (c := exp (2 * flush M)). assert (Hc : 1 <= c) by (apply exp_at_least_one; lra).
  set (v := exp (x - a)). set (w := exp (xh - m)).
  assert (Pv : 0 < v) by apply exp_pos. assert (Pw : 0 < w) by apply exp_pos.
  assert (Up : w <= v * c).
  { unfold w, v, c. rewrite <- exp_plus. apply le_exp. unfold Rabs in D1; destruct Rcase_abs; lra. }
  assert (Lo : v <= w * c).
  { unfold w, v, c. rewrite <- exp_plus. apply le_exp. unfold Rabs in D1; destruct Rcase_abs; lra. }
  assert (Near : Rabs (w - v) <= v * (c - 1)) by (apply Rabs_le; nra).
  set (e := exp (u M * (m - xh))).
  assert (Pe : 1 <= e) by (apply exp_at_least_one; nra).
  replace (exp ((1 - u M) * (xh - m))) with (w * e) by (unfold w, e; rewrite <- exp_plus; f_equal; ring).
  assert (Ee : c * e <= exp ((2 + 2 * u M) * flush M) * exp (u M * Rabs (x - a))).
  { unfold c, e. rewrite <- !exp_plus. apply le_exp.
    assert (D2 : m - xh <= Rabs (x - a) + 2 * flush M).
    { apply Rle_trans with (Rabs (xh - m)); [unfold Rabs; destruct Rcase_abs; lra|].
      replace (xh - m) with ((x - a) + ((xh - m) - (x - a))) by ring.
      apply Rle_trans with (1 := Rabs_triang _ _). lra. }
    assert (D3 := Rmult_le_compat_l _ _ _ (proj1 Hu) D2). lra. }
  assert (F1 : w * (G * e - 1) <= v * c * (G * e - 1)) by (apply Rmult_le_compat_r; nra).
  assert (F2 : G * v * (c * e) <= G * v * (exp ((2 + 2 * u M) * flush M) * exp (u M * Rabs (x - a))))
    by (apply Rmult_le_compat_l; [apply Rmult_le_pos|]; lra).
  nra.
Qed.

(* What a state says of the sum that was to be computed. *)
Lemma state_error : forall M N x xh a m d G U, sound M -> (1 <= N)%nat ->
  (forall i, in_range N i -> reads M (x i) (xh i)) -> reads M a m -> below xh 0 N m -> 1 <= G ->
  within (exact_state xh 0 N m) (G * rounded_state M xh 0 N m) U d ->
  Rabs (d - total N (fun i => exp (x i - a))) <= total N (fun i => exp (x i - a)) *
    (both (drift M N x a) (both (G - 1) (expm1 ((2 + 2 * u M) * flush M))) + U * exp (- (lse N x - a))).
Proof.
  intros M N x xh a m d G U HM HN Hx Ha HB HG W. set (c := exp ((2 + 2 * u M) * flush M)).
  assert (A : total N (fun i => Rabs (exp (xh i - m) - exp (x i - a))
                                + (G * exp ((1 - u M) * (xh i - m)) - exp (xh i - m)))
              <= total N (fun i => G * c * (exp (x i - a) * exp (u M * Rabs (x i - a))) - exp (x i - a))).
  { apply le_total; [exact HN|]. intros i Hi. apply entry_read; auto. apply (HB i Hi). }
  rewrite rule_sum_add, !rule_sum_sub, !rule_sum_factor, sum_with_drift in A by exact HN.
  unfold within, exact_state, rounded_state in W. cbn [Nat.add] in W.
  assert (B := total_abs N (fun i => exp (xh i - m) - exp (x i - a))). rewrite rule_sum_sub in B.
  assert (E : total N (fun i => exp (x i - a)) * (U * exp (- (lse N x - a))) = U).
  { rewrite sum_of_exponentials by exact HN. rewrite exp_Ropp. field. apply Rgt_not_eq, exp_pos. }
  rewrite Rmult_plus_distr_l, E. clear E.
  replace (both (drift M N x a) (both (G - 1) (expm1 ((2 + 2 * u M) * flush M))))
    with (G * c * (1 + drift M N x a) - 1) by (unfold both, expm1, c; ring).
  set (S := total N (fun i => exp (x i - a))) in *. set (Sh := total N (fun i => exp (xh i - m))) in *.
  replace (d - S) with ((d - Sh) + (Sh - S)) by ring. apply Rle_trans with (1 := Rabs_triang _ _).
  replace (S * (G * c * (1 + drift M N x a) - 1)) with (G * c * (S * (1 + drift M N x a)) - S) by ring.
  lra.
Qed.

(* One power of exp(zeta) pays for the flushed arguments of the exponentials and for the flushed entries. *)
Lemma flush_factor : forall M k, sound M ->
  exp (flush M) ^ (1 + k) * exp ((2 + 2 * u M) * flush M) <= (1 + stretch M) ^ (1 + k).
Proof.
  intros M k HM. destruct (sound_signs M HM) as [Hu [He [HE [Hn Hf]]]].
  replace (1 + stretch M) with (exp (flush M) * exp ((2 + 2 * u M) * flush M))
    by (unfold stretch, expm1, zeta; rewrite <- exp_plus; ring_simplify (1 + (exp ((3 + 2 * u M) * flush M) - 1));
        f_equal; ring).
  rewrite Rpow_mult_distr. apply Rmult_le_compat_l; [apply pow_le; left; apply exp_pos|].
  set (c := exp ((2 + 2 * u M) * flush M)). assert (Hc : 1 <= c) by (apply exp_at_least_one; nra).
  rewrite <- (Rmult_1_r c) at 1. cbn [Nat.add pow]. apply Rmult_le_compat_l; [lra|]. apply pow_R1_Rle. exact Hc.
Qed.

(* A state's bound is written with the formulas of Formulas.v. *)
Lemma state_formula : forall M e1 e2 k b U V S d Y, sound M -> 0 <= S -> 0 <= e1 -> 0 <= e2 -> 0 <= b -> 0 <= Y ->
  U <= V ->
  Rabs (d - S) <= S * (both b (both ((1 + e1) * (1 + e2) * exp (flush M) ^ (1 + k) - 1)
                                    (expm1 ((2 + 2 * u M) * flush M))) + U * Y) ->
  Rabs (d - S) <= S * (both b (both (both e1 e2) (growth (stretch M) (1 + k))) + V * Y).
Proof.
  intros M e1 e2 k b U V S d Y HM HS H1 H2 Hb HY HV A. apply Rle_trans with (1 := A).
  apply Rmult_le_compat_l; [exact HS|]. apply Rplus_le_compat.
  - unfold both, expm1, growth. assert (F := flush_factor M k HM).
    set (p := exp (flush M) ^ (1 + k)) in *. set (q := exp ((2 + 2 * u M) * flush M)) in *.
    set (s := (1 + stretch M) ^ (1 + k)) in *.
    assert (B : (1 + b) * ((1 + e1) * (1 + e2)) * (p * q) <= (1 + b) * ((1 + e1) * (1 + e2)) * s).
    { apply Rmult_le_compat_l; [|exact F]. repeat apply Rmult_le_pos; lra. }
    lra.
  - apply Rmult_le_compat_r; assumption.
Qed.

(* A growth is not negative. *)
Lemma growth_nonneg : forall p k, 0 <= p -> 0 <= growth p k.
Proof. intros p k Hp. unfold growth. assert (A := pow_R1_Rle (1 + p) k ltac:(lra)). lra. Qed.

(* The place of a maximum, seen from the first entry. *)
Lemma is_top_largest : forall y n m, is_top y 0 n m -> m = largest n y.
Proof.
  intros y n m [A [j [Hj E]]]. symmetry. apply largest_unique; [exists j; split; assumption|].
  intros i Hi. apply (A i Hi).
Qed.

(* The closed form of the underflow. *)
Lemma leak_formula : forall M n, 2 * (INR n * INR n * (1 + step_growth M) ^ n * leak M)
  = states_underflow M n.
Proof. intros M n. unfold states_underflow, growth, leak. ring. Qed.

(* The pass leaks no more than that. *)
Lemma online_leak_formula : forall M n, sound M -> online_leak M n <= states_underflow M n.
Proof.
  intros M n HM. rewrite <- leak_formula. unfold online_leak.
  destruct (step_growth_parts M HM) as [A _]. destruct (sound_signs M HM) as [Hu _].
  assert (B := leak_size M HM). assert (I := pos_INR n).
  assert (C : 0 <= INR n * INR n * (1 + step_growth M) ^ n * leak M); [|lra].
  repeat apply Rmult_le_pos; try lra. apply pow_le. lra.
Qed.

(* The pass with a running maximum ends in the maximum of what was read, and its sum errs by online_error. *)
Theorem online_error_bound : forall M N x xh m d rises, sound M ->
  (forall i, in_range N i -> reads M (x i) (xh i)) -> online M xh N m d rises ->
  m = largest N xh /\
  Rabs (d - total N (fun i => exp (x i - largest N x))) <= total N (fun i => exp (x i - largest N x)) *
    online_error M N rises (drift M N x (largest N x)) (lse N x - largest N x).
Proof.
  intros M N x xh m d rises HM Hx R. destruct (sound_signs M HM) as [Hu [He [HE [Hn Hf]]]].
  destruct (online_state M xh N m d rises HM R) as (HN & T & [G1 G2] & W).
  assert (E := is_top_largest xh N m T). split; [exact E|].
  assert (Hm := reads_largest M N x xh HN Hx). rewrite <- E in Hm.
  assert (A := state_error M N x xh (largest N x) m d _ _ HM HN Hx Hm (proj1 T)
                 (Rle_trans _ _ _ (exp_factor_size M HM) G1) W).
  apply state_formula with (U := online_leak M N);
    [exact HM | | apply growth_nonneg | apply growth_nonneg | apply drift_nonnegative | | apply online_leak_formula |];
    try assumption; try lra.
  - left. apply sum_of_exponentials_positive. exact HN.
  - left. apply exp_pos.
  - replace ((1 + growth (exp_rel M) (1 + rises)) * (1 + growth (u M) (N - 1 + rises)) * exp (flush M) ^ (1 + rises))
      with (online_factor M N rises) by (unfold online_factor, growth; ring).
    exact A.
Qed.

(* -------------------------------------------------------------------------------------------- trees of merges *)

(* What a merge multiplies by: an exponential, a product and an addition. *)
Definition merge_factor (M : model) : R := (1 + u M) * ((1 + u M) * exp_factor M).
Definition merged_leak (M : model) (n h : nat) : R := 2 * (INR n * INR h * (1 + step_growth M) ^ h * leak M).

(* A merge costs a factor of at least 1. *)
Lemma merge_factor_size : forall M, sound M -> 1 <= merge_factor M <= 1 + step_growth M.
Proof.
  intros M HM. destruct (step_growth_parts M HM) as [_ [A _]]. split; [|exact A].
  destruct (sound_signs M HM) as [Hu _]. assert (B := exp_factor_size M HM). unfold merge_factor.
  assert (C : 1 * 1 <= (1 + u M) * exp_factor M) by (apply Rmult_le_compat; lra).
  assert (D : 1 * 1 <= (1 + u M) * ((1 + u M) * exp_factor M)) by (apply Rmult_le_compat; lra). lra.
Qed.

(* The sums over a run of entries, split in two. *)
Lemma exact_state_split : forall y i n1 n2 m,
  exact_state y i (n1 + n2) m = exact_state y i n1 m + exact_state y (i + n1) n2 m.
Proof.
  intros y i n1 n2 m. unfold exact_state. rewrite total_split. f_equal. apply eq_total. intros j _.
  rewrite Nat.add_assoc. reflexivity.
Qed.

(* The same with the factors. *)
Lemma rounded_state_split : forall M y i n1 n2 m,
  rounded_state M y i (n1 + n2) m = rounded_state M y i n1 m + rounded_state M y (i + n1) n2 m.
Proof.
  intros M y i n1 n2 m. unfold rounded_state. rewrite total_split. f_equal. apply eq_total. intros j _.
  rewrite Nat.add_assoc. reflexivity.
Qed.

(* The maximum of both runs. *)
Lemma is_top_split : forall y i n1 n2 m1 m2, is_top y i n1 m1 -> is_top y (i + n1) n2 m2 ->
  is_top y i (n1 + n2) (Rmax m1 m2).
Proof.
  intros y i n1 n2 m1 m2 [B1 [j1 [J1 E1]]] [B2 [j2 [J2 E2]]]. unfold in_range in *. split.
  - intros j Hj. unfold in_range in Hj. destruct (Nat.le_gt_cases j n1) as [H|H].
    + apply Rle_trans with m1; [apply B1; unfold in_range; lia | apply Rmax_l].
    + apply Rle_trans with m2; [|apply Rmax_r].
      replace (i + j)%nat with (i + n1 + (j - n1))%nat by lia. apply B2. unfold in_range. lia.
  - destruct (Rle_or_lt m1 m2) as [H|H].
    + rewrite Rmax_right by exact H. exists (n1 + j2)%nat. unfold in_range. split; [lia|].
      rewrite Nat.add_assoc. exact E2.
    + rewrite Rmax_left by lra. exists j1. unfold in_range. split; [lia | exact E1].
Qed.

(* A tree is also one of any larger height, *)
Lemma merged_raise : forall M y i n h k m d, merged M y i n h m d -> (h <= k)%nat -> merged M y i n k m d.
Proof.
  intros M y i n h k m d R H. induction H as [|k _ IH]; [exact R | apply merged_higher; exact IH].
Qed.

(* and n entries need no more than the height n - 1. *)
Lemma merged_lower : forall M y i n h m d, merged M y i n h m d ->
  exists k, (k <= h)%nat /\ (S k <= n)%nat /\ merged M y i n k m d.
Proof.
  intros M y i n h m d R.
  induction R as [i|i n1 n2 h m1 d1 m2 d2 m d R1 [k1 [A1 [B1 C1]]] R2 [k2 [A2 [B2 C2]]] Q|i n h m d R [k [A [B C]]]].
  - exists 0%nat. split; [lia|]. split; [lia|]. apply merged_leaf.
  - exists (S (Nat.max k1 k2)). split; [lia|]. split; [lia|].
    apply merged_node with m1 d1 m2 d2; [| |exact Q].
    + apply merged_raise with k1; [exact C1 | lia].
    + apply merged_raise with k2; [exact C2 | lia].
  - exists k. split; [lia|]. split; [exact B | exact C].
Qed.

(* What a merge does to the underflow. *)
Lemma merged_leak_step : forall M n1 n2 h, sound M -> (1 <= n1)%nat -> (1 <= n2)%nat ->
  (1 + u M) * ((1 + u M) * (merged_leak M n1 h * (exp_factor M + exp_abs M)
                             + exp_abs M * merge_factor M ^ h * INR n1) + under M
               + ((1 + u M) * (merged_leak M n2 h * (exp_factor M + exp_abs M)
                               + exp_abs M * merge_factor M ^ h * INR n2) + under M)) + flush M
  <= merged_leak M (n1 + n2) (S h).
Proof.
  intros M n1 n2 h HM H1 H2. destruct (sound_signs M HM) as [Hu [He [HE [Hn Hf]]]].
  destruct (step_growth_parts M HM) as [K1 [_ [_ K2]]]. assert (K0 := step_growth_size M HM).
  destruct (merge_factor_size M HM) as [F1 F2]. assert (HA := leak_size M HM).
  assert (G := pow_incr (merge_factor M) (1 + step_growth M) h ltac:(lra)).
  assert (P : 1 <= (1 + step_growth M) ^ h) by (apply pow_R1_Rle; lra).
  assert (I : 2 <= INR n1 + INR n2) by (apply le_INR in H1, H2; cbn [INR] in H1, H2; lra).
  unfold merged_leak. rewrite plus_INR, S_INR. cbn [pow].
  assert (J := pos_INR h). set (n := INR n1 + INR n2) in *.
  set (K := 1 + step_growth M) in *. set (A := leak M) in *. set (g := merge_factor M ^ h) in *.
  set (W := 2 * (n * INR h * K ^ h * A)).
  assert (HW : 0 <= W) by (unfold W; repeat apply Rmult_le_pos; lra).
  assert (E1 : (1 + u M) * ((1 + u M) * (exp_factor M + exp_abs M)) * W <= K * W) by (apply Rmult_le_compat_r; lra).
  assert (E2 : exp_abs M * g * n <= exp_abs M * K ^ h * n).
  { apply Rmult_le_compat_r; [lra|]. apply Rmult_le_compat_l; lra. }
  assert (E3 : (1 + u M) * (1 + u M) * (exp_abs M * g * n) <= K * (exp_abs M * K ^ h * n)).
  { apply Rmult_le_compat; [nra | | lra | exact E2]. repeat apply Rmult_le_pos; try lra. apply pow_le. lra. }
  assert (Q : 1 * K <= K ^ h * K) by (apply Rmult_le_compat_r; lra).
  assert (E4 : (1 + u M) * under M <= K ^ h * K * under M) by (apply Rmult_le_compat_r; lra).
  assert (E5 : 1 * flush M <= K ^ h * K * flush M) by (apply Rmult_le_compat_r; lra).
  assert (E6 : 2 * (K ^ h * K * (under M + flush M)) <= n * (K ^ h * K * (under M + flush M))).
  { apply Rmult_le_compat_r; [|exact I]. apply Rmult_le_pos; lra. }
  assert (E7 : 0 <= K ^ h * K * flush M) by (apply Rmult_le_pos; lra).
  assert (E8 : 0 <= n * (K * K ^ h) * A) by (repeat apply Rmult_le_pos; lra).
  replace (2 * (n * (INR h + 1) * (K * K ^ h) * A)) with (K * W + n * (K * K ^ h) * A + n * (K * K ^ h) * A)
    by (unfold W; ring).
  apply Rle_trans with (K * W + K * (exp_abs M * K ^ h * n) + n * (K ^ h * K * (under M + flush M))).
  - apply Rle_trans with ((1 + u M) * ((1 + u M) * (exp_factor M + exp_abs M)) * W
      + (1 + u M) * (1 + u M) * (exp_abs M * g * n) + 2 * ((1 + u M) * under M) + flush M); [|lra].
    apply Req_le. unfold W, n. ring.
  - apply Rle_trans with (K * W + n * (K * K ^ h) * A); [|lra]. apply Req_le. unfold A, leak. ring.
Qed.

(* The state at the root of a tree. *)
Lemma merged_state : forall M y i n h m d, sound M -> merged M y i n h m d ->
  (1 <= n)%nat /\ is_top y i n m /\
  within (exact_state y i n m) (merge_factor M ^ h * rounded_state M y i n m) (merged_leak M n h) d.
Proof.
  intros M y i n h m d HM R. destruct (sound_signs M HM) as [Hu _]. destruct (merge_factor_size M HM) as [F1 F2].
  assert (HA := leak_size M HM).
  assert (Pos : forall n h, 0 <= merged_leak M n h).
  { intros k l. unfold merged_leak. assert (I := pos_INR k). assert (J := pos_INR l).
    repeat apply Rmult_le_pos; try lra. apply pow_le. lra. }
  induction R as [i|i n1 n2 h m1 d1 m2 d2 m d R1 (N1 & T1 & W1) R2 (N2 & T2 & W2) Q|i n h m d R (N1 & T & W)].
  - split; [lia|]. split.
    + split; [|exists 1%nat; split; [unfold in_range; lia | rewrite Nat.add_1_r; reflexivity]].
      intros j Hj. unfold in_range in Hj. replace j with 1%nat by lia. rewrite Nat.add_1_r. right. reflexivity.
    + unfold exact_state, rounded_state, within, merged_leak. cbn [total pow INR]. rewrite Nat.add_1_r.
      replace (y (S i) - y (S i)) with 0 by ring. rewrite Rmult_0_r, exp_0.
      replace (1 - (0 + 1)) with 0 by ring. rewrite Rabs_R0. lra.
  - split; [lia|]. destruct Q as (-> & t1 & t2 & w1 & w2 & p1 & p2 & S1 & X1 & P1 & S2 & X2 & P2 & [D _]).
    split; [apply is_top_split; assumption|].
    assert (G : 0 <= merge_factor M ^ h) by (apply pow_le; lra).
    assert (A1 := rescale M y i n1 m1 d1 _ _ _ t1 w1 p1 HM (Pos n1 h) G (proj1 T1) (Rmax_l m1 m2) W1 S1 X1 P1).
    assert (A2 := rescale M y _ n2 m2 d2 _ _ _ t2 w2 p2 HM (Pos n2 h) G (proj1 T2) (Rmax_r m1 m2) W2 S2 X2 P2).
    assert (A := within_add _ _ _ _ _ _ _ _ A1 A2). rewrite <- exact_state_split in A.
    assert (B := within_round _ _ _ _ _ _ _ (proj1 Hu) (exact_state_nonneg y i (n1 + n2) (Rmax m1 m2)) A D).
    revert B. apply within_le; [|apply merged_leak_step; assumption].
    right. rewrite rounded_state_split. unfold merge_factor. cbn [pow]. ring.
  - split; [exact N1|]. split; [exact T|]. revert W. apply within_le.
    + apply Rmult_le_compat_r; [apply rounded_state_nonneg|]. apply Rle_pow; [exact F1 | lia].
    + unfold merged_leak. apply Rmult_le_compat_l; [lra|]. apply Rmult_le_compat_r; [exact HA|].
      apply Rmult_le_compat; [apply Rmult_le_pos; apply pos_INR | apply pow_le; lra | |apply Rle_pow; [lra | lia]].
      apply Rmult_le_compat_l; [apply pos_INR|]. apply le_INR. lia.
Qed.

(* A tree leaks no more than the closed form. *)
Lemma merged_leak_formula : forall M n h, sound M -> (S h <= n)%nat -> merged_leak M n h <= states_underflow M n.
Proof.
  intros M n h HM H. rewrite <- leak_formula. unfold merged_leak. destruct (merge_factor_size M HM) as [F1 F2].
  assert (HA := leak_size M HM). apply Rmult_le_compat_l; [lra|]. apply Rmult_le_compat_r; [exact HA|].
  apply Rmult_le_compat; [apply Rmult_le_pos; apply pos_INR | apply pow_le; lra | |apply Rle_pow; [lra | lia]].
  apply Rmult_le_compat_l; [apply pos_INR|]. apply le_INR. lia.
Qed.

(* A tree of merges of height h: its maximum is that of the numbers as they were read, its sum errs by merged_error. *)
Theorem merged_error_bound : forall M N x xh h m d, sound M ->
  (forall i, in_range N i -> reads M (x i) (xh i)) -> merged M xh 0 N h m d ->
  m = largest N xh /\
  Rabs (d - total N (fun i => exp (x i - largest N x))) <= total N (fun i => exp (x i - largest N x)) *
    merged_error M N h (drift M N x (largest N x)) (lse N x - largest N x).
Proof.
  intros M N x xh h m d HM Hx R. destruct (sound_signs M HM) as [Hu [He [HE [Hn Hf]]]].
  destruct (merged_lower M xh 0 N h m d R) as [k [Hk [HkN R']]].
  destruct (merged_state M xh 0 N k m d HM R') as (HN & T & W).
  assert (E := is_top_largest xh N m T). split; [exact E|].
  assert (Hm := reads_largest M N x xh HN Hx). rewrite <- E in Hm. destruct (merge_factor_size M HM) as [F1 _].
  assert (G1 := pow_R1_Rle (merge_factor M) h F1). assert (X := exp_at_least_one _ Hf).
  assert (G2 : merge_factor M ^ h * 1 <= merge_factor M ^ h * exp (flush M)) by (apply Rmult_le_compat_l; lra).
  assert (W' : within (exact_state xh 0 N m) (merge_factor M ^ h * exp (flush M) * rounded_state M xh 0 N m)
                 (merged_leak M N k) d).
  { revert W. apply within_le; [|lra]. apply Rmult_le_compat_r; [apply rounded_state_nonneg|].
    assert (G3 := Rle_pow (merge_factor M) k h F1 Hk). lra. }
  assert (A := state_error M N x xh (largest N x) m d (merge_factor M ^ h * exp (flush M)) _ HM HN Hx Hm (proj1 T)
                 ltac:(lra) W').
  apply state_formula with (U := merged_leak M N k);
    [exact HM | | apply growth_nonneg | apply growth_nonneg | apply drift_nonnegative | | apply merged_leak_formula |];
    try assumption; try lra.
  - left. apply sum_of_exponentials_positive. exact HN.
  - left. apply exp_pos.
  - replace ((1 + growth (exp_rel M) h) * (1 + growth (u M) (2 * h)) * exp (flush M) ^ (1 + h))
      with (merge_factor M ^ h * exp (flush M)); [exact A|].
    unfold merge_factor, exp_factor, growth. rewrite pow_mult, !Rpow_mult_distr. cbn [pow Nat.add].
    rewrite Rmult_1_r, Rpow_mult_distr. ring.
Qed.

(* ------------------------------------------------------------------------------------------------ no overflow *)

(* How large the computed sum of a state is. *)
Lemma state_size : forall M y i n m d G U, sound M -> 0 <= G -> below y i n m ->
  within (exact_state y i n m) (G * rounded_state M y i n m) U d -> Rabs d <= G * INR n + U.
Proof.
  intros M y i n m d G U HM HG B W. assert (A := within_size _ _ _ _ (exact_state_nonneg y i n m) W).
  assert (C := Rmult_le_compat_l G _ _ HG (rounded_state_length M y i n m HM B)). lra.
Qed.

(* The sums of the pass, after any number of entries. *)
Theorem online_size : forall M y n m d rises, sound M -> online M y n m d rises ->
  Rabs d <= online_factor M n rises * INR n + online_leak M n.
Proof.
  intros M y n m d rises HM R. destruct (online_state M y n m d rises HM R) as (_ & [B _] & [G _] & W).
  apply state_size with (4 := W); try assumption. assert (E := exp_factor_size M HM). lra.
Qed.

(* The sums in a tree of merges, over any run of the entries. *)
Theorem merged_size : forall M y i n h m d, sound M -> merged M y i n h m d ->
  Rabs d <= merge_factor M ^ h * INR n + merged_leak M n h.
Proof.
  intros M y i n h m d HM R. destruct (merged_state M y i n h m d HM R) as (_ & [B _] & W).
  apply state_size with (4 := W); try assumption. apply pow_le. destruct (merge_factor_size M HM) as [F _]. lra.
Qed.

(* And every computed exponential of the difference to a larger maximum. *)
Theorem scale_size : forall M b m t w, sound M -> b <= m -> subtracts M b m t -> exponentiates M t w ->
  0 <= w <= exp_factor M + exp_abs M.
Proof.
  intros M b m t w HM Hb Ht Hw. split; [apply Hw|]. destruct (sound_signs M HM) as [Hu _].
  assert (A := within_size _ _ _ _ (Rlt_le _ _ (exp_pos (b - m))) (scale_step M b m t w HM Hb Ht Hw)).
  assert (P := Rle_abs w). assert (E := exp_factor_size M HM).
  assert (C : exp ((1 - u M) * (b - m)) <= 1) by (apply exp_at_most_one; nra).
  assert (D := Rmult_le_compat_l (exp_factor M) _ _ ltac:(lra) C). lra.
Qed.

(* -------------------------------------------------------------------------------------------------- logsumexp *)

(* logsumexp of a state whose sum errs by sigma. *)
Lemma lse_of_state : forall M N x m d sigma l r, sound M -> (1 <= N)%nat -> reads M (largest N x) m ->
  Rabs (d - total N (fun i => exp (x i - largest N x))) <= total N (fun i => exp (x i - largest N x)) * sigma ->
  sigma < 1 -> takes_log M d l -> adds M m l r ->
  Rabs (r - lse N x) <= lse_shifted M sigma (lse N x - largest N x) (lse N x).
Proof.
  intros M N x m d sigma l r HM HN Hm Hd H1 Hl Hr. rewrite (Rmult_comm (total _ _)) in Hd.
  assert (A := log_step M d _ sigma l HM (sum_of_exponentials_positive N x _ HN) H1 Hd Hl).
  rewrite ln_sum_of_exponentials in A by exact HN.
  assert (B := add_step M _ m l _ _ r HM Hm A Hr).
  replace (largest N x + (lse N x - largest N x)) with (lse N x) in B by ring. exact B.
Qed.

(* logsumexp from the pass with a running maximum. *)
Theorem lse_online_bound : forall M N x xh m d rises l r, sound M ->
  (forall i, in_range N i -> reads M (x i) (xh i)) -> online M xh N m d rises ->
  takes_log M d l -> adds M m l r ->
  online_error M N rises (drift M N x (largest N x)) (lse N x - largest N x) < 1 ->
  Rabs (r - lse N x) <= lse_shifted M (online_error M N rises (drift M N x (largest N x)) (lse N x - largest N x))
    (lse N x - largest N x) (lse N x).
Proof.
  intros M N x xh m d rises l r HM Hx R Hl Hr H1.
  destruct (online_state M xh N m d rises HM R) as (HN & _).
  destruct (online_error_bound M N x xh m d rises HM Hx R) as [E A].
  apply lse_of_state with m d l; try assumption. rewrite E. apply reads_largest; assumption.
Qed.

(* logsumexp from a tree of merges. *)
Theorem lse_merged_bound : forall M N x xh h m d l r, sound M ->
  (forall i, in_range N i -> reads M (x i) (xh i)) -> merged M xh 0 N h m d ->
  takes_log M d l -> adds M m l r ->
  merged_error M N h (drift M N x (largest N x)) (lse N x - largest N x) < 1 ->
  Rabs (r - lse N x) <= lse_shifted M (merged_error M N h (drift M N x (largest N x)) (lse N x - largest N x))
    (lse N x - largest N x) (lse N x).
Proof.
  intros M N x xh h m d l r HM Hx R Hl Hr H1.
  destruct (merged_state M xh 0 N h m d HM R) as (HN & _).
  destruct (merged_error_bound M N x xh h m d HM Hx R) as [E A].
  apply lse_of_state with m d l; try assumption. rewrite E. apply reads_largest; assumption.
Qed.
