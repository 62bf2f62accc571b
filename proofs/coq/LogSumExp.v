(* How far a computed logsumexp is from lse x = ln(sum_i exp x_i), whichever way it is computed.

   Contents: the logarithm of a sum that was shifted, by the maximum or by anything; the same through log1p of the sum
   without the maximum; without a shift; that no intermediate sum overflows; what can be said of the drift from the
   entropy of softmax x and from the length alone; the bounds that follow from it; a chain of logaddexp.

   y is lse x, a the shift, L = y - a the logarithm of the exact sum P of exp(x_i - a), sigma what the sum errs by
   relative to P. The closed forms are those of Formulas.v.

   Sources: Blanchard, Higham, Higham, IMA J. Numer. Anal. 41 (2021) 2311-2330; Higham, Accuracy and Stability of
   Numerical Algorithms, 2nd ed. (2002), chapter 4; Cover, Thomas, Elements of Information Theory, 2nd ed. (2006),
   chapter 2. *)

From Coq Require Import Reals Lra Lia PeanoNat.
From Coquelicot Require Import Coquelicot.
From ShiftProof Require Import Rules Model Formulas Steps.
Open Scope R_scope.

(* ---------------------------------------------------------------------------------------------- shifted by a *)

(* The logarithm of the shifted sum. *)
Lemma shifted_log : forall M gamma kappa N x xh a ah d w s l theta, sound M -> 0 <= gamma -> 0 <= kappa ->
  (1 <= N)%nat -> (theta = 1 \/ (flush M = 0 /\ a = largest N x /\ theta = tail N x)) ->
  reads M a ah -> exponentials M N x xh ah d w -> sums gamma kappa N w s -> takes_log M s l ->
  let sigma := sum_error M (stretch M) gamma kappa (drift M N x a) theta (INR N) (lse N x - a) in
  sigma < 1 -> Rabs (l - (lse N x - a)) <= log_error (log_rel M) (log_abs M) sigma (lse N x - a).
Proof.
  intros M gamma kappa N x xh a ah d w s l theta HM Hg Hk HN Ht Ha He Hs Hl sigma H1.
  rewrite <- (ln_sum_of_exponentials N x a HN) at 1 2.
  apply log_step with s; try assumption; [apply sum_of_exponentials_positive; exact HN|].
  rewrite Rmult_comm. apply (sum_of_exponentials_error M gamma kappa N x xh a ah d w s theta); assumption.
Qed.

(* logsumexp shifted by any a; the exponential of a maximum is exact where a is the maximum and nothing is flushed. *)
Lemma shifted_bound : forall M gamma kappa N x xh a ah d w s l r theta, sound M -> 0 <= gamma -> 0 <= kappa ->
  (1 <= N)%nat -> (theta = 1 \/ (flush M = 0 /\ a = largest N x /\ theta = tail N x)) ->
  run_shifted M gamma kappa N x xh a ah d w s l r ->
  let sigma := sum_error M (stretch M) gamma kappa (drift M N x a) theta (INR N) (lse N x - a) in
  sigma < 1 -> Rabs (r - lse N x) <= lse_shifted M sigma (lse N x - a) (lse N x).
Proof.
  intros M gamma kappa N x xh a ah d w s l r theta HM Hg Hk HN Ht (Ha & He & Hs & Hl & Hr) sigma H1.
  pose proof (shifted_log M gamma kappa N x xh a ah d w s l theta HM Hg Hk HN Ht Ha He Hs Hl H1) as K.
  pose proof (add_step M a ah l _ _ r HM Ha K Hr) as B. unfold lse_shifted.
  replace (a + (lse N x - a)) with (lse N x) in B by ring. exact B.
Qed.

(* logsumexp shifted by the maximum. *)
Theorem lse_shifted_bound : forall M gamma kappa N x xh ah d w s l r theta, sound M -> 0 <= gamma -> 0 <= kappa ->
  (1 <= N)%nat -> (theta = 1 \/ (flush M = 0 /\ theta = tail N x)) ->
  run_shifted M gamma kappa N x xh (largest N x) ah d w s l r ->
  let a := largest N x in
  let sigma := sum_error M (stretch M) gamma kappa (drift M N x a) theta (INR N) (lse N x - a) in
  sigma < 1 -> Rabs (r - lse N x) <= lse_shifted M sigma (lse N x - a) (lse N x).
Proof.
  intros M gamma kappa N x xh ah d w s l r theta HM Hg Hk HN Ht Hrun a sigma H1.
  apply (shifted_bound M gamma kappa N x xh a ah d w s l r theta); try assumption. tauto.
Qed.

(* logsumexp shifted by any number. *)
Theorem lse_arbitrary_shift_bound : forall M gamma kappa N x xh a ah d w s l r, sound M -> 0 <= gamma -> 0 <= kappa ->
  (1 <= N)%nat -> run_shifted M gamma kappa N x xh a ah d w s l r ->
  let sigma := sum_error M (stretch M) gamma kappa (drift M N x a) 1 (INR N) (lse N x - a) in
  sigma < 1 -> Rabs (r - lse N x) <= lse_shifted M sigma (lse N x - a) (lse N x).
Proof.
  intros M gamma kappa N x xh a ah d w s l r HM Hg Hk HN Hrun sigma H1.
  apply (shifted_bound M gamma kappa N x xh a ah d w s l r 1); try assumption. left. reflexivity.
Qed.

(* ----------------------------------------------------------------------------------- log1p without the maximum *)

(* The entry that is the maximum as read is the maximum, or less by twice what flushing changes. *)
Lemma maximum_as_read : forall M N x xh k, (1 <= N)%nat -> (forall i, in_range N i -> reads M (x i) (xh i)) ->
  in_range N k -> xh k = largest N xh ->
  reads M (largest N x) (xh k) /\ largest N x - 2 * flush M <= x k <= largest N x.
Proof.
  intros M N x xh k HN Hx Hk Ek. pose proof (reads_largest M N x xh HN Hx) as Ha. rewrite <- Ek in Ha.
  split; [exact Ha|]. pose proof (distance _ _ _ Ha). pose proof (distance _ _ _ (Hx k Hk)).
  pose proof (largest_bounds N x k Hk). lra.
Qed.

(* The term of that entry is at least 1 less a share of it. *)
Lemma maximal_term : forall M xk a, sound M -> a - 2 * flush M <= xk <= a ->
  exp (xk - a) <= 1 /\ 1 - exp (xk - a) <= exp (xk - a) * stretch M.
Proof.
  intros M xk a HM H. split; [rewrite <- exp_0; apply le_exp; lra|].
  assert (Hz : a - xk <= zeta M) by (unfold sound in HM; unfold zeta; nra).
  pose proof (expm1_increases _ _ Hz) as K. fold (stretch M) in K.
  pose proof (Rmult_le_compat_l _ _ _ (Rlt_le _ _ (exp_pos (xk - a))) K) as J. unfold expm1 in J.
  rewrite Rmult_minus_distr_l, <- exp_plus in J. replace (xk - a + (a - xk)) with 0 in J by ring.
  rewrite exp_0 in J. lra.
Qed.

(* The errors of the terms other than k, relative to the sum of all; what k adds is left over. *)
Lemma tail_terms : forall M N x xh a ah k d w, sound M -> (1 <= N)%nat -> reads M a ah -> a = largest N x ->
  exponentials M N x xh ah d w -> in_range N k -> a - 2 * flush M <= x k <= a ->
  let P := total N (fun i => exp (x i - a)) in
  exists E, (forall i, in_range N i ->
      Rabs (without k w i - without k (fun j => exp (x j - a)) i) <= without k E i) /\
    total N (without k E) <= P * tail_terms_error M (stretch M) (drift M N x a) (tail N x) (INR N - 1) (lse N x - a)
      - exp (x k - a) * stretch M.
Proof.
  intros M N x xh a ah k d w HM HN Ha Ea He Hk Hxk P.
  pose (F := fun i => exp (x i - a) * expm1 (u M * Rabs (x i - a))).
  exists (fun i => ((1 + stretch M) * F i + stretch M * exp (x i - a)
    + exp_rel M * (1 + stretch M) * (exp (x i - a) + F i)) + exp_abs M). split.
  - intros i Hi. unfold without. destruct (Nat.eqb i k).
    + rewrite Rminus_0_r, Rabs_R0. lra.
    + apply Rle_trans with (1 := exponential_error M N x xh a ah d w i HM Ha He Hi).
      apply Req_le. unfold F, both. ring.
  - pose proof (sum_times_drift M N x a HN) as HD. pose proof (sum_of_exponentials N x a HN) as HP.
    pose proof (sum_of_exponentials_positive N x a HN) as HP0. pose proof (sum_times_tail N x HN) as HT.
    rewrite <- Ea in HT. fold P in HD, HP, HP0, HT. fold F in HD.
    assert (Hterms : total N (fun i => ((1 + stretch M) * F i + stretch M * exp (x i - a)
        + exp_rel M * (1 + stretch M) * (exp (x i - a) + F i)) + exp_abs M)
      = (1 + stretch M) * (P * drift M N x a) + stretch M * P
        + exp_rel M * (1 + stretch M) * (P + P * drift M N x a) + INR N * exp_abs M).
    { rewrite (rule_sum_add N _ (fun _ => exp_abs M)), rule_sum_constant.
      rewrite (rule_sum_add N (fun i => (1 + stretch M) * F i + stretch M * exp (x i - a))).
      rewrite (rule_sum_add N (fun i => (1 + stretch M) * F i)), !rule_sum_factor, rule_sum_add, <- HD. reflexivity. }
    rewrite total_without by exact Hk. rewrite Hterms. clear Hterms.
    unfold tail_terms_error, both. rewrite exp_Ropp, <- HP.
    destruct (maximal_term M _ _ HM Hxk) as [Hle Hge].
    pose proof (stretch_nonnegative M HM) as HX. unfold sound in HM.
    assert (HF : 0 <= F k).
    { apply Rmult_le_pos; [apply Rlt_le, exp_pos|]. apply expm1_nonnegative, Rmult_le_pos; [lra | apply Rabs_pos]. }
    assert (HW : exp (x k - a) <= P).
    { apply (rule_entry_at_most_sum N (fun i => exp (x i - a)) k Hk). intros. apply Rlt_le, exp_pos. }
    set (W := exp (x k - a)) in *. set (X := stretch M) in *.
    assert (H1 : 0 <= (1 + X) * F k) by (apply Rmult_le_pos; lra).
    assert (H2 : 0 <= exp_rel M * (1 + X)) by (apply Rmult_le_pos; lra).
    assert (H3 : exp_rel M * (1 + X) * (P + P * drift M N x a - (W + F k)) <=
                 exp_rel M * (1 + X) * (P * (tail N x + X + drift M N x a))).
    { apply Rmult_le_compat_l; [exact H2|]. pose proof (Rmult_le_compat_r X _ _ HX HW). lra. }
    replace (P * (drift M N x a + X + drift M N x a * X + exp_rel M * (tail N x + X + drift M N x a) * (1 + X)
        + (INR N - 1) * exp_abs M * / P))
      with ((1 + X) * (P * drift M N x a) + X * P
        + exp_rel M * (1 + X) * (P * (tail N x + X + drift M N x a)) + (INR N - 1) * exp_abs M) by (field; lra).
    lra.
Qed.

(* The sum without the term of the maximum: what it errs by, and what it comes to at most. *)
Lemma tail_sum : forall M gamma kappa N x xh a ah k d w, sound M -> 0 <= gamma -> 0 <= kappa ->
  (1 <= N)%nat -> reads M a ah -> a = largest N x -> exponentials M N x xh ah d w -> in_range N k ->
  a - 2 * flush M <= x k <= a ->
  let P := total N (fun i => exp (x i - a)) in
  let sigma := tail_error M (stretch M) gamma kappa (drift M N x a) (tail N x) (INR N - 1) (lse N x - a) in
  (forall s, sums gamma kappa N (without k w) s -> Rabs (1 + s - P) <= sigma * P) /\
  total N (without k w) + (gamma * total N (fun i => Rabs (without k w i)) + kappa) <= P - 1 + sigma * P.
Proof.
  intros M gamma kappa N x xh a ah k d w HM Hg Hkap HN Ha Ea He Hk Hxk P sigma.
  destruct (tail_terms M N x xh a ah k d w HM HN Ha Ea He Hk Hxk) as (E & HE & HT). fold P in HT.
  pose proof (sum_of_exponentials_positive N x a HN) as HP0. pose proof (sum_times_tail N x HN) as Htail.
  rewrite <- Ea in Htail. fold P in HP0, Htail. pose proof (sum_of_exponentials N x a HN) as HP. fold P in HP.
  destruct (maximal_term M _ _ HM Hxk) as [Hle Hge]. pose proof (stretch_nonnegative M HM) as HX.
  assert (HW : exp (x k - a) <= P).
  { apply (rule_entry_at_most_sum N (fun i => exp (x i - a)) k Hk). intros. apply Rlt_le, exp_pos. }
  set (T := tail_terms_error M (stretch M) (drift M N x a) (tail N x) (INR N - 1) (lse N x - a)) in *.
  assert (Hsigma : sigma * P = P * T + gamma * (P * (tail N x + stretch M) + P * T) + kappa).
  { unfold sigma, tail_error. fold T. rewrite exp_Ropp, <- HP. field. lra. }
  assert (Hrest : total N (without k (fun j => exp (x j - a))) = P - exp (x k - a)).
  { apply (total_without N k (fun j => exp (x j - a)) Hk). }
  assert (Hpos : forall i, in_range N i -> 0 <= without k (fun j => exp (x j - a)) i).
  { intros i _. unfold without. destruct (Nat.eqb i k); [lra | apply Rlt_le, exp_pos]. }
  assert (HWX : exp (x k - a) * stretch M <= P * stretch M) by (apply Rmult_le_compat_r; assumption).
  assert (HWX0 : 0 <= exp (x k - a) * stretch M) by (apply Rmult_le_pos; [apply Rlt_le, exp_pos | exact HX]).
  assert (Hgam : gamma * (P - exp (x k - a) + total N (without k E)) <= gamma * (P * (tail N x + stretch M) + P * T)).
  { apply Rmult_le_compat_l; [exact Hg | lra]. }
  split.
  - intros s Hs. pose proof (sum_step gamma kappa N _ _ _ s Hg Hpos HE Hs) as K. rewrite Hrest in K.
    apply distance in K. apply Rabs_le. lra.
  - pose proof (distance _ _ _ (total_distance N _ _ _ HE)) as K. rewrite Hrest in K.
    assert (Ka : total N (fun i => Rabs (without k w i)) <= P - exp (x k - a) + total N (without k E)).
    { rewrite <- Hrest, <- rule_sum_add. apply total_at_most. intros i Hi. pose proof (abs_moves _ _ _ (HE i Hi)) as J.
      rewrite (Rabs_pos_eq (without k (fun j => exp (x j - a)) i)) in J by (apply Hpos; exact Hi). exact J. }
    pose proof (Rmult_le_compat_l gamma _ _ Hg Ka). lra.
Qed.

(* The logarithm through log1p. *)
Lemma tail_log : forall M gamma kappa N x xh k d w s l, sound M -> 0 <= gamma -> 0 <= kappa -> (1 <= N)%nat ->
  in_range N k -> xh k = largest N xh -> exponentials M N x xh (xh k) d w ->
  sums gamma kappa N (without k w) s -> takes_log1p M s l ->
  let a := largest N x in
  let sigma := tail_error M (stretch M) gamma kappa (drift M N x a) (tail N x) (INR N - 1) (lse N x - a) in
  sigma < 1 -> Rabs (l - (lse N x - a)) <= log_error (log1p_rel M) (log1p_abs M) sigma (lse N x - a).
Proof.
  intros M gamma kappa N x xh k d w s l HM Hg Hkap HN Hk Ek He Hs Hl a sigma H1.
  destruct (maximum_as_read M N x xh k HN (fun i Hi => proj1 (He i Hi)) Hk Ek) as [Ha Hxk].
  rewrite <- (ln_sum_of_exponentials N x a HN) at 1 2.
  apply log1p_step with s; try assumption; [apply sum_of_exponentials_positive; exact HN|].
  apply (tail_sum M gamma kappa N x xh a (xh k) k d w); try assumption. reflexivity.
Qed.

(* logsumexp as the maximum plus log1p of the sum without it. *)
Theorem lse_log1p_bound : forall M gamma kappa N x xh k d w s l r, sound M -> 0 <= gamma -> 0 <= kappa ->
  (1 <= N)%nat -> run_log1p M gamma kappa N x xh k d w s l r ->
  let a := largest N x in
  let sigma := tail_error M (stretch M) gamma kappa (drift M N x a) (tail N x) (INR N - 1) (lse N x - a) in
  sigma < 1 -> Rabs (r - lse N x) <= lse_log1p M sigma (lse N x - a) (lse N x).
Proof.
  intros M gamma kappa N x xh k d w s l r HM Hg Hkap HN (Hk & Ek & He & Hs & Hl & Hr) a sigma H1.
  pose proof (tail_log M gamma kappa N x xh k d w s l HM Hg Hkap HN Hk Ek He Hs Hl H1) as K.
  destruct (maximum_as_read M N x xh k HN (fun i Hi => proj1 (He i Hi)) Hk Ek) as [Ha _].
  pose proof (add_step M a (xh k) l _ _ r HM Ha K Hr) as B. unfold lse_log1p.
  fold a in B. replace (a + (lse N x - a)) with (lse N x) in B by ring. exact B.
Qed.

(* ------------------------------------------------------------------------------------------- without a shift *)

(* The logarithm of the sum of the exponentials. *)
Theorem lse_naive_bound : forall M gamma kappa N x xh w s r, sound M -> 0 <= gamma -> 0 <= kappa -> (1 <= N)%nat ->
  run_naive M gamma kappa N x xh w s r ->
  let sigma := sum_error M (expm1 (flush M)) gamma kappa 0 1 (INR N) (lse N x) in
  sigma < 1 -> Rabs (r - lse N x) <= lse_naive M sigma (lse N x).
Proof.
  intros M gamma kappa N x xh w s r HM Hg Hk HN (He & Hs & Hl) sigma H1. unfold lse_naive, lse at 1 2.
  apply log_step with s; try assumption.
  - apply total_positive; [exact HN|]. intros. apply exp_pos.
  - rewrite Rmult_comm. apply (sum_of_naive_exponentials_error M gamma kappa N x xh w s); assumption.
Qed.

(* ------------------------------------------------------------------------------------------- no overflow *)

(* P (1 + sigma) is below Omega where the logarithm leaves room for sigma. *)
Lemma room_for_sum : forall P sigma L Omega, P = exp L -> 0 < Omega -> L + sigma <= ln Omega ->
  P * (1 + sigma) <= Omega.
Proof.
  intros P sigma L Omega -> HO H. apply Rle_trans with (exp L * exp sigma).
  - apply Rmult_le_compat_l; [apply Rlt_le, exp_pos | apply exp_above_line].
  - rewrite <- exp_plus, <- (exp_ln Omega) by exact HO. apply le_exp. exact H.
Qed.

(* A bound on what the sum of shifted exponentials can come to, with its error. *)
Theorem sum_stays_finite : forall M gamma kappa N x xh a ah d w theta Omega, sound M -> 0 <= gamma -> 0 <= kappa ->
  (1 <= N)%nat -> (theta = 1 \/ (flush M = 0 /\ a = largest N x /\ theta = tail N x)) ->
  reads M a ah -> exponentials M N x xh ah d w -> 0 < Omega ->
  let sigma := sum_error M (stretch M) gamma kappa (drift M N x a) theta (INR N) (lse N x - a) in
  lse N x - a + sigma <= ln Omega -> total N w + (gamma * total N (fun i => Rabs (w i)) + kappa) <= Omega.
Proof.
  intros M gamma kappa N x xh a ah d w theta Omega HM Hg Hk HN Ht Ha He HO sigma H.
  destruct (terms_of_sum_error M N x xh a ah d w theta HM HN Ha He Ht) as (E & HE & HT).
  pose proof (sum_of_exponentials N x a HN) as HP. pose proof (sum_of_exponentials_positive N x a HN) as HP0.
  apply Rle_trans with (2 := room_for_sum _ _ _ _ HP HO H).
  pose proof (distance _ _ _ (total_distance N _ _ _ HE)) as K.
  assert (Ka : total N (fun i => Rabs (w i)) <= total N (fun i => exp (x i - a)) + total N E).
  { rewrite <- rule_sum_add. apply total_at_most. intros i Hi. pose proof (abs_moves _ _ _ (HE i Hi)) as J.
    rewrite (Rabs_pos_eq (exp (x i - a))) in J by (apply Rlt_le, exp_pos). exact J. }
  pose proof (Rmult_le_compat_l gamma _ _ Hg Ka) as Kg. rewrite HT in K, Kg. unfold sigma, sum_error.
  set (T := terms_error _ _ _ _ _ _) in *. set (P := total N (fun i => exp (x i - a))) in *.
  replace (P * (1 + (both T gamma + kappa * exp (- (lse N x - a)))))
    with (P + P * T + gamma * (P + P * T) + kappa); [lra|].
  rewrite exp_Ropp, <- HP. unfold both. field. lra.
Qed.

(* The same for the sum without the maximum. *)
Theorem tail_stays_finite : forall M gamma kappa N x xh k d w Omega, sound M -> 0 <= gamma -> 0 <= kappa ->
  (1 <= N)%nat -> in_range N k -> xh k = largest N xh -> exponentials M N x xh (xh k) d w -> 0 < Omega ->
  let a := largest N x in
  let sigma := tail_error M (stretch M) gamma kappa (drift M N x a) (tail N x) (INR N - 1) (lse N x - a) in
  lse N x - a + sigma <= ln Omega ->
  total N (without k w) + (gamma * total N (fun i => Rabs (without k w i)) + kappa) <= Omega.
Proof.
  intros M gamma kappa N x xh k d w Omega HM Hg Hkap HN Hk Ek He HO a sigma H.
  destruct (maximum_as_read M N x xh k HN (fun i Hi => proj1 (He i Hi)) Hk Ek) as [Ha Hxk].
  destruct (tail_sum M gamma kappa N x xh a (xh k) k d w HM Hg Hkap HN Ha eq_refl He Hk Hxk) as [_ K].
  pose proof (room_for_sum _ _ _ _ (sum_of_exponentials N x a HN) HO H) as R. fold sigma in K. lra.
Qed.

(* An exponential of a difference with the maximum is at most 1, up to its errors. *)
Theorem exponential_stays_small : forall M N x xh ah d w i, sound M -> reads M (largest N x) ah ->
  exponentials M N x xh ah d w -> in_range N i -> w i <= both (exp_rel M) (stretch M) + 1 + exp_abs M.
Proof.
  intros M N x xh ah d w i HM Ha He Hi.
  pose proof (distance _ _ _ (exponential_error M N x xh _ ah d w i HM Ha He Hi)) as K.
  pose proof (largest_bounds N x i Hi) as Hx. pose proof (stretch_nonnegative M HM) as HX. unfold sound in HM.
  rewrite (Rabs_left1 (x i - largest N x)) in K by lra. set (z := x i - largest N x) in *.
  assert (Hb : 0 <= both (exp_rel M) (stretch M)) by (apply both_nonnegative; lra).
  assert (Hz : exp z * (1 + expm1 (u M * - z)) <= 1).
  { unfold expm1. replace (1 + (exp (u M * - z) - 1)) with (exp (u M * - z)) by ring.
    rewrite <- exp_plus, <- exp_0. apply le_exp. unfold z in *. nra. }
  pose proof (Rmult_le_compat_l (1 + both (exp_rel M) (stretch M)) _ _ ltac:(lra) Hz) as J.
  unfold both in *. lra.
Qed.

(* ------------------------------------------------------------------------------------- the drift, bounded *)

(* The drift is an average over softmax. *)
Lemma drift_is_average : forall M N x a, (1 <= N)%nat ->
  drift M N x a = total N (fun i => softmax N x i * expm1 (u M * Rabs (x i - a))).
Proof.
  intros M N x a HN. unfold drift, Rdiv. rewrite Rmult_comm, <- rule_sum_factor. apply eq_total.
  intros i _. rewrite (softmax_is_share N x a i HN). unfold Rdiv. ring.
Qed.

(* The entropy is the average distance from a, plus lse x - a. *)
Lemma entropy_is_average : forall N x a, (1 <= N)%nat ->
  entropy N x = total N (fun i => softmax N x i * (a - x i)) + (lse N x - a).
Proof.
  intros N x a HN. unfold entropy.
  rewrite <- (Rmult_1_r (lse N x - a)), <- (softmax_sums_to_one N x HN), <- rule_sum_factor, <- rule_sum_add.
  replace (- total N (fun i => softmax N x i * ln (softmax N x i)))
    with (-1 * total N (fun i => softmax N x i * ln (softmax N x i))) by ring.
  rewrite <- rule_sum_factor. apply eq_total. intros i _.
  rewrite (softmax_is_exp N x i HN) at 2. rewrite ln_exp. ring.
Qed.

(* A softmax weight is at most exp(x_i - a) where a is the maximum. *)
Lemma softmax_at_most : forall N x i, (1 <= N)%nat -> softmax N x i <= exp (x i - largest N x).
Proof.
  intros N x i HN. rewrite softmax_is_exp by exact HN. apply le_exp.
  pose proof (largest_at_most_lse N x HN). lra.
Qed.

(* Taylor's theorem for exp to the second order, with the remainder at the end of the interval. *)
Lemma expm1_second_order : forall z, 0 <= z -> expm1 z <= z + z * z * exp z / 2.
Proof.
  intros z Hz. destruct (Req_dec z 0) as [->|H0]; [unfold expm1; rewrite exp_0; lra|].
  destruct (MVT_cor2 (fun t => (1 + t) * exp (- t) + t * t / 2) (fun t => t * (1 - exp (- t))) 0 z) as (c & E & Hc).
  - lra.
  - intros c _. apply is_derive_Reals. auto_derive; [exact I|]. field.
  - rewrite Ropp_0, exp_0 in E.
    assert (K : 0 <= c * (1 - exp (- c)) * (z - 0)).
    { apply Rmult_le_pos; [|lra]. apply Rmult_le_pos; [lra|].
      pose proof (le_exp (- c) 0 ltac:(lra)) as J. rewrite exp_0 in J. lra. }
    assert (J : 0 <= ((1 + z) * exp (- z) + z * z / 2 - 1) * exp z).
    { apply Rmult_le_pos; [lra | apply Rlt_le, exp_pos]. }
    assert (E1 : exp (- z) * exp z = 1) by (rewrite <- exp_plus, Rplus_opp_l; apply exp_0).
    replace (((1 + z) * exp (- z) + z * z / 2 - 1) * exp z)
      with ((1 + z) * (exp (- z) * exp z) + z * z * exp z / 2 - exp z) in J by field.
    rewrite E1 in J. unfold expm1. lra.
Qed.

(* exp(-1) to two places. *)
Lemma exp_minus_one_small : 0 <= exp (- 1) <= 37 / 100.
Proof.
  split; [apply Rlt_le, exp_pos|].
  pose proof (exp_above_line (1 / 128)) as H. pose proof (exp_pos 1) as Hp.
  assert (E : exp 1 = exp (1 / 128) ^ 128).
  { rewrite rule_exp_power. f_equal. simpl Z.of_nat. lra. }
  assert (K : (1 + 1 / 128) ^ 128 <= exp 1) by (rewrite E; apply pow_incr; lra).
  assert (J : 100 / 37 <= (1 + 1 / 128) ^ 128).
  { replace ((1 + 1 / 128) ^ 128) with ((((((((1 + 1 / 128) ^ 2) ^ 2) ^ 2) ^ 2) ^ 2) ^ 2) ^ 2)
      by (rewrite <- !pow_mult; reflexivity). lra. }
  change (-1) with (Ropp 1). rewrite exp_Ropp.
  apply Rmult_le_reg_r with (exp 1); [exact Hp|]. rewrite Rinv_l by lra. lra.
Qed.

(* z^2 exp(-(1 - v) z) is small. *)
Lemma squared_decay : forall v z, 0 <= v <= 1 / 256 -> 0 <= z -> z * z * exp (- ((1 - v) * z)) <= 14 / 25.
Proof.
  intros v z Hv Hz. pose (t := (1 - v) * z / 2). pose proof (decay_bound t) as H.
  pose proof exp_minus_one_small as He.
  assert (Ht : 0 <= t * exp (- t)).
  { apply Rmult_le_pos; [|apply Rlt_le, exp_pos]. unfold t. pose proof (Rmult_le_pos (1 - v) z). lra. }
  assert (Hsq : (t * exp (- t)) * (t * exp (- t)) <= 37 / 100 * (37 / 100)).
  { apply Rmult_le_compat; lra. }
  assert (E : exp (- t) * exp (- t) = exp (- ((1 - v) * z))).
  { rewrite <- exp_plus. f_equal. unfold t. field. }
  replace (t * exp (- t) * (t * exp (- t))) with (t * t * (exp (- t) * exp (- t))) in Hsq by ring.
  rewrite E in Hsq. set (w := exp (- ((1 - v) * z))) in *.
  replace (t * t * w) with ((1 - v) * (1 - v) * (z * z * w) / 4) in Hsq by (unfold t; field).
  assert (Hc : 255 / 256 * (255 / 256) <= (1 - v) * (1 - v)) by (apply Rmult_le_compat; lra).
  assert (Hw : 0 <= z * z * w) by (apply Rmult_le_pos; [nra | apply Rlt_le, exp_pos]).
  pose proof (Rmult_le_compat_r _ _ _ Hw Hc). lra.
Qed.

(* One weight's part of the drift. *)
Lemma drift_term : forall v g z, 0 <= v <= 1 / 256 -> 0 <= z -> 0 <= g <= exp (- z) ->
  g * expm1 (v * z) <= v * (g * z) + 7 / 25 * (v * v).
Proof.
  intros v g z Hv Hz Hg. pose proof (expm1_second_order (v * z) ltac:(apply Rmult_le_pos; lra)) as H.
  apply Rle_trans with (1 := Rmult_le_compat_l g _ _ (proj1 Hg) H).
  assert (K : g * exp (v * z) <= exp (- ((1 - v) * z))).
  { replace (- ((1 - v) * z)) with (- z + v * z) by ring. rewrite exp_plus.
    apply Rmult_le_compat_r; [apply Rlt_le, exp_pos | lra]. }
  pose proof (squared_decay v z Hv Hz) as J.
  assert (Hzz : 0 <= z * z) by nra. assert (Hvv : 0 <= v * v) by nra.
  pose proof (Rmult_le_compat_l _ _ _ Hzz K) as K2.
  assert (K3 : z * z * (g * exp (v * z)) <= 14 / 25) by lra.
  pose proof (Rmult_le_compat_l _ _ _ Hvv K3). lra.
Qed.

(* The drift is at most the roundoff times the entropy, less lse x - a, to the first order. *)
Theorem drift_at_most_entropy : forall M N x, (1 <= N)%nat -> 0 <= u M <= 1 / 256 ->
  drift M N x (largest N x) <= drift_from_entropy M (entropy N x) (lse N x - largest N x) (INR N).
Proof.
  intros M N x HN Hu. destruct (largest_attained N x HN) as [k [Hk Ek]].
  rewrite drift_is_average, (entropy_is_average N x (largest N x)) by exact HN. unfold drift_from_entropy.
  apply Rle_trans with (total N (fun i => u M * (softmax N x i * (largest N x - x i))
    + 7 / 25 * (u M * u M) * (1 - delta i k * 1))).
  - apply total_at_most. intros i Hi. pose proof (largest_bounds N x i Hi) as Hx.
    unfold delta. destruct (Nat.eqb_spec i k) as [->|_].
    + rewrite Ek. replace (x k - x k) with 0 by ring. unfold expm1. rewrite Rabs_R0, Rmult_0_r, exp_0. lra.
    + rewrite Rabs_left1 by lra. replace (- (x i - largest N x)) with (largest N x - x i) by ring.
      pose proof (softmax_at_most N x i HN) as Hg. pose proof (softmax_positive N x i HN) as Hg0.
      replace (x i - largest N x) with (- (largest N x - x i)) in Hg by ring.
      pose proof (drift_term (u M) (softmax N x i) (largest N x - x i) Hu ltac:(lra) ltac:(lra)). lra.
  - rewrite (rule_sum_add N (fun i => u M * (softmax N x i * (largest N x - x i)))), !rule_sum_factor.
    rewrite rule_sum_sub, (rule_sum_delta N (fun _ => 1) k Hk), rule_sum_constant. lra.
Qed.

(* The distance of lse x from the maximum is at most ln N. *)
Lemma lse_above_largest : forall N x, (1 <= N)%nat -> 0 <= lse N x - largest N x <= ln (INR N).
Proof.
  intros N x HN. split; [pose proof (largest_at_most_lse N x HN); lra|].
  pose proof (count_positive N HN) as Hn. unfold lse.
  apply Rplus_le_reg_r with (largest N x). replace (ln (INR N) + largest N x) with (ln (INR N * exp (largest N x)))
    by (rewrite ln_mult, ln_exp; [reflexivity | exact Hn | apply exp_pos]).
  rewrite <- rule_largest_exp by exact HN.
  replace (ln (total N (fun i => exp (x i))) - largest N x + largest N x)
    with (ln (total N (fun i => exp (x i)))) by ring.
  apply le_log; [apply total_positive; [exact HN | intros; apply exp_pos]|].
  apply rule_sum_at_most_largest. exact HN.
Qed.

(* The tail is at most that of equal entries. *)
Lemma tail_at_most : forall N x, (1 <= N)%nat -> tail N x <= 1 - / INR N.
Proof.
  intros N x HN. pose proof (lse_above_largest N x HN) as H. pose proof (count_positive N HN) as Hn. unfold tail.
  pose proof (le_exp (- ln (INR N)) (- (lse N x - largest N x)) ltac:(lra)) as K.
  rewrite exp_Ropp, exp_ln in K by exact Hn. lra.
Qed.

(* The entropy is at most ln N. *)
Lemma entropy_at_most : forall N x, (1 <= N)%nat -> entropy N x <= ln (INR N).
Proof.
  intros N x HN. pose proof (count_positive N HN) as Hn. unfold entropy.
  replace (- total N (fun i => softmax N x i * ln (softmax N x i)))
    with (-1 * total N (fun i => softmax N x i * ln (softmax N x i))) by ring. rewrite <- rule_sum_factor.
  apply Rle_trans with (total N (fun i => (ln (INR N) - 1) * softmax N x i + / INR N)).
  - apply total_at_most. intros i _. pose proof (softmax_positive N x i HN) as Hg. set (g := softmax N x i) in *.
    pose proof (exp_above_line (ln (/ INR N / g))) as K.
    assert (Hi : 0 < / INR N) by (apply Rinv_0_lt_compat; exact Hn).
    rewrite exp_ln in K by (apply quotient_positive; assumption).
    rewrite rule_log_div, ln_Rinv in K by assumption.
    pose proof (Rmult_le_compat_l g _ _ (Rlt_le _ _ Hg) K) as J.
    replace (g * (/ INR N / g)) with (/ INR N) in J by (field; lra). lra.
  - rewrite rule_sum_add, rule_sum_factor, rule_sum_constant, softmax_sums_to_one by exact HN.
    rewrite Rinv_r by lra. lra.
Qed.

(* The drift is at most N^u - 1. *)
Theorem drift_at_most_length : forall M N x, (1 <= N)%nat -> 0 <= u M <= 1 ->
  drift M N x (largest N x) <= drift_from_length M (INR N).
Proof.
  intros M N x HN Hu. pose proof (count_positive N HN) as Hn. rewrite drift_is_average by exact HN.
  unfold drift_from_length, expm1 at 2. set (c := exp (u M * ln (INR N))).
  pose proof (lse_above_largest N x HN) as Hl.
  apply Rle_trans with (total N (fun i => (c * (1 - u M) - 1) * softmax N x i + c * u M / INR N)).
  - apply total_at_most. intros i Hi. pose proof (largest_bounds N x i Hi) as Hx.
    pose proof (softmax_positive N x i HN) as Hg.
    rewrite Rabs_left1 by lra. replace (- (x i - largest N x)) with (largest N x - x i) by ring.
    pose proof (rule_exp_convex (u M) (largest N x - x i - ln (INR N)) 0 (proj1 Hu) (proj2 Hu)) as K.
    rewrite exp_0, Rmult_0_r, Rplus_0_r, Rmult_1_r in K.
    assert (Ec : exp (u M * (largest N x - x i)) = c * exp (u M * (largest N x - x i - ln (INR N)))).
    { unfold c. rewrite <- exp_plus. f_equal. ring. }
    assert (Eg : softmax N x i * exp (largest N x - x i - ln (INR N)) <= / INR N).
    { rewrite softmax_is_exp, <- exp_plus by exact HN.
      apply Rle_trans with (exp (- ln (INR N))); [apply le_exp; lra|]. rewrite exp_Ropp, exp_ln by exact Hn. lra. }
    assert (Hc : 0 <= c) by (apply Rlt_le, exp_pos).
    pose proof (Rmult_le_compat_l (c * softmax N x i) _ _ ltac:(apply Rmult_le_pos; lra) K) as K2.
    pose proof (Rmult_le_compat_l (c * u M) _ _ ltac:(apply Rmult_le_pos; lra) Eg) as K3.
    unfold expm1. rewrite Ec. unfold Rdiv. lra.
  - rewrite rule_sum_add, rule_sum_factor, rule_sum_constant, softmax_sums_to_one by exact HN.
    apply Req_le. field. lra.
Qed.

(* ------------------------------------------------------------------------------------- the formulas increase *)

(* The error of a logarithm grows with sigma and with the size of the logarithm. *)
Lemma log_error_increases : forall rel abs sigma sigma' L L', 0 <= rel -> sigma <= sigma' -> sigma' < 1 ->
  Rabs L <= Rabs L' -> log_error rel abs sigma L <= log_error rel abs sigma' L'.
Proof.
  intros rel abs sigma sigma' L L' Hr Hs H1 HL. unfold log_error.
  assert (K : sigma / (1 - sigma) <= sigma' / (1 - sigma')).
  { replace (sigma / (1 - sigma)) with (/ (1 - sigma) - 1) by (field; lra).
    replace (sigma' / (1 - sigma')) with (/ (1 - sigma') - 1) by (field; lra).
    pose proof (Rinv_le_contravar (1 - sigma') (1 - sigma)). lra. }
  pose proof (Rmult_le_compat_l (1 + rel) _ _ ltac:(lra) K). pose proof (Rmult_le_compat_l rel _ _ Hr HL). lra.
Qed.

(* The error after the addition of the shift grows with the error before it. *)
Lemma shift_back_increases : forall M e e' y, 0 <= u M -> e <= e' -> shift_back M e y <= shift_back M e' y.
Proof.
  intros M e e' y Hu H. unfold shift_back. pose proof (Rmult_le_compat_l (1 + u M) e e'). lra.
Qed.

(* The bound for a shifted logsumexp. *)
Lemma lse_shifted_increases : forall M sigma sigma' L L' y, sound M -> sigma <= sigma' -> sigma' < 1 ->
  Rabs L <= Rabs L' -> lse_shifted M sigma L y <= lse_shifted M sigma' L' y.
Proof.
  intros M sigma sigma' L L' y HM Hs H1 HL. unfold sound in HM. apply shift_back_increases; [lra|].
  apply log_error_increases; try assumption. lra.
Qed.

(* The bound for logsumexp through log1p. *)
Lemma lse_log1p_increases : forall M sigma sigma' L L' y, sound M -> sigma <= sigma' -> sigma' < 1 ->
  Rabs L <= Rabs L' -> lse_log1p M sigma L y <= lse_log1p M sigma' L' y.
Proof.
  intros M sigma sigma' L L' y HM Hs H1 HL. unfold sound in HM. apply shift_back_increases; [lra|].
  apply log_error_increases; try assumption. lra.
Qed.

(* The error of a sum. *)
Lemma sum_error_increases : forall M X gamma kappa v v' theta theta' n L L', sound M -> 0 <= X -> 0 <= gamma ->
  0 <= kappa -> 0 <= n -> v <= v' -> theta <= theta' -> L' <= L ->
  sum_error M X gamma kappa v theta n L <= sum_error M X gamma kappa v' theta' n L'.
Proof.
  intros M X gamma kappa v v' theta theta' n L L' HM HX Hg Hk Hn Hv Ht HL. unfold sound in HM.
  assert (He : exp (- L) <= exp (- L')) by (apply le_exp; lra).
  assert (H1 : 0 <= exp_rel M * (1 + X)) by (apply Rmult_le_pos; lra).
  assert (H2 : 0 <= n * exp_abs M) by (apply Rmult_le_pos; lra).
  assert (HT : terms_error M X v theta n L <= terms_error M X v' theta' n L').
  { unfold terms_error. pose proof (both_increases_l v v' X HX Hv).
    pose proof (Rmult_le_compat_l _ _ _ H1 (Rplus_le_compat _ _ _ _ Ht Hv)).
    pose proof (Rmult_le_compat_l _ _ _ H2 He). lra. }
  unfold sum_error. pose proof (both_increases_l _ _ gamma Hg HT). pose proof (Rmult_le_compat_l kappa _ _ Hk He). lra.
Qed.

(* The error of a sum without its maximum. *)
Lemma tail_error_increases : forall M X gamma kappa v v' t t' n L L', sound M -> 0 <= X -> 0 <= gamma ->
  0 <= kappa -> 0 <= n -> v <= v' -> t <= t' -> L' <= L ->
  tail_error M X gamma kappa v t n L <= tail_error M X gamma kappa v' t' n L'.
Proof.
  intros M X gamma kappa v v' t t' n L L' HM HX Hg Hk Hn Hv Ht HL. unfold sound in HM.
  assert (He : exp (- L) <= exp (- L')) by (apply le_exp; lra).
  assert (H1 : 0 <= exp_rel M * (1 + X)) by (apply Rmult_le_pos; lra).
  assert (H2 : 0 <= n * exp_abs M) by (apply Rmult_le_pos; lra).
  assert (HT : tail_terms_error M X v t n L <= tail_terms_error M X v' t' n L').
  { unfold tail_terms_error. pose proof (both_increases_l v v' X HX Hv).
    pose proof (Rmult_le_compat_l _ (t + X + v) (t' + X + v') H1 ltac:(lra)).
    pose proof (Rmult_le_compat_l _ _ _ H2 He). lra. }
  unfold tail_error.
  pose proof (Rmult_le_compat_l gamma (t + X + tail_terms_error M X v t n L)
    (t' + X + tail_terms_error M X v' t' n L') Hg ltac:(lra)).
  pose proof (Rmult_le_compat_l kappa _ _ Hk He). lra.
Qed.

(* ------------------------------------------------------------------------------- bounds that need no entries *)

(* The number of terms other than the maximum is nonnegative. *)
Lemma count_of_tail : forall N, (1 <= N)%nat -> 0 <= INR N - 1.
Proof. intros N HN. apply le_INR in HN. change (INR 1) with 1 in HN. lra. Qed.

(* log1p: from the entropy of softmax x. *)
Theorem lse_log1p_entropy_bound : forall M gamma kappa N x xh k d w s l r, sound M -> u M <= 1 / 256 -> 0 <= gamma ->
  0 <= kappa -> (1 <= N)%nat -> run_log1p M gamma kappa N x xh k d w s l r ->
  let L := lse N x - largest N x in
  let sigma := tail_error M (stretch M) gamma kappa (drift_from_entropy M (entropy N x) L (INR N)) (tail N x)
                          (INR N - 1) L in
  sigma < 1 -> Rabs (r - lse N x) <= lse_log1p M sigma L (lse N x).
Proof.
  intros M gamma kappa N x xh k d w s l r HM Hu Hg Hk HN Hrun L sigma H1.
  assert (Hv : drift M N x (largest N x) <= drift_from_entropy M (entropy N x) L (INR N)).
  { apply drift_at_most_entropy; [exact HN|]. unfold sound in HM. lra. }
  assert (Hs : tail_error M (stretch M) gamma kappa (drift M N x (largest N x)) (tail N x) (INR N - 1) L <= sigma).
  { apply tail_error_increases; try assumption; try lra.
    - apply stretch_nonnegative. exact HM.
    - apply count_of_tail. exact HN. }
  apply Rle_trans with (1 := lse_log1p_bound M gamma kappa N x xh k d w s l r HM Hg Hk HN Hrun
    (Rle_lt_trans _ _ _ Hs H1)).
  apply lse_log1p_increases; try assumption. apply Rle_refl.
Qed.

(* log1p: from the length alone. *)
Theorem lse_log1p_worst_case : forall M gamma kappa N x xh k d w s l r, sound M -> 0 <= gamma ->
  0 <= kappa -> (1 <= N)%nat -> run_log1p M gamma kappa N x xh k d w s l r ->
  let sigma := tail_error M (stretch M) gamma kappa (drift_from_length M (INR N)) (1 - / INR N) (INR N - 1) 0 in
  sigma < 1 -> Rabs (r - lse N x) <= lse_log1p M sigma (ln (INR N)) (lse N x).
Proof.
  intros M gamma kappa N x xh k d w s l r HM Hg Hk HN Hrun sigma H1.
  pose proof (lse_above_largest N x HN) as HL.
  assert (Hv : drift M N x (largest N x) <= drift_from_length M (INR N)).
  { apply drift_at_most_length; [exact HN|]. unfold sound in HM. lra. }
  assert (Hs : tail_error M (stretch M) gamma kappa (drift M N x (largest N x)) (tail N x) (INR N - 1)
                          (lse N x - largest N x) <= sigma).
  { apply tail_error_increases; try assumption; try lra.
    - apply stretch_nonnegative. exact HM.
    - apply count_of_tail. exact HN.
    - apply tail_at_most. exact HN. }
  apply Rle_trans with (1 := lse_log1p_bound M gamma kappa N x xh k d w s l r HM Hg Hk HN Hrun
    (Rle_lt_trans _ _ _ Hs H1)).
  apply lse_log1p_increases; try assumption. rewrite !Rabs_pos_eq; lra.
Qed.

(* The sum of all shifted by the maximum: from the entropy of softmax x. *)
Theorem lse_shifted_entropy_bound : forall M gamma kappa N x xh ah d w s l r theta, sound M -> u M <= 1 / 256 ->
  0 <= gamma -> 0 <= kappa -> (1 <= N)%nat -> (theta = 1 \/ (flush M = 0 /\ theta = tail N x)) ->
  run_shifted M gamma kappa N x xh (largest N x) ah d w s l r ->
  let L := lse N x - largest N x in
  let sigma := sum_error M (stretch M) gamma kappa (drift_from_entropy M (entropy N x) L (INR N)) theta (INR N) L in
  sigma < 1 -> Rabs (r - lse N x) <= lse_shifted M sigma L (lse N x).
Proof.
  intros M gamma kappa N x xh ah d w s l r theta HM Hu Hg Hk HN Ht Hrun L sigma H1.
  assert (Hv : drift M N x (largest N x) <= drift_from_entropy M (entropy N x) L (INR N)).
  { apply drift_at_most_entropy; [exact HN|]. unfold sound in HM. lra. }
  assert (Hs : sum_error M (stretch M) gamma kappa (drift M N x (largest N x)) theta (INR N) L <= sigma).
  { apply sum_error_increases; try assumption; try lra.
    - apply stretch_nonnegative. exact HM.
    - apply pos_INR. }
  apply Rle_trans with (1 := lse_shifted_bound M gamma kappa N x xh ah d w s l r theta HM Hg Hk HN Ht Hrun
    (Rle_lt_trans _ _ _ Hs H1)).
  apply lse_shifted_increases; try assumption. apply Rle_refl.
Qed.

(* The same from the length alone. *)
Theorem lse_shifted_worst_case : forall M gamma kappa N x xh ah d w s l r, sound M -> 0 <= gamma ->
  0 <= kappa -> (1 <= N)%nat -> run_shifted M gamma kappa N x xh (largest N x) ah d w s l r ->
  let sigma := sum_error M (stretch M) gamma kappa (drift_from_length M (INR N)) 1 (INR N) 0 in
  sigma < 1 -> Rabs (r - lse N x) <= lse_shifted M sigma (ln (INR N)) (lse N x).
Proof.
  intros M gamma kappa N x xh ah d w s l r HM Hg Hk HN Hrun sigma H1.
  pose proof (lse_above_largest N x HN) as HL.
  assert (Hv : drift M N x (largest N x) <= drift_from_length M (INR N)).
  { apply drift_at_most_length; [exact HN|]. unfold sound in HM. lra. }
  assert (Hs : sum_error M (stretch M) gamma kappa (drift M N x (largest N x)) 1 (INR N)
                         (lse N x - largest N x) <= sigma).
  { apply sum_error_increases; try assumption; try lra.
    - apply stretch_nonnegative. exact HM.
    - apply pos_INR. }
  apply Rle_trans with (1 := lse_arbitrary_shift_bound M gamma kappa N x xh _ ah d w s l r HM Hg Hk HN Hrun
    (Rle_lt_trans _ _ _ Hs H1)).
  apply lse_shifted_increases; try assumption. rewrite !Rabs_pos_eq; lra.
Qed.

(* ------------------------------------------------------------------------------------------------- logaddexp *)

(* logaddexp is the maximum plus the logarithm of 1 + exp(-gap). *)
Lemma logaddexp_split : forall p q,
  ln (exp p + exp q) = Rmax p q + ln (1 + exp (- (Rmax p q - Rmin p q))).
Proof.
  intros p q. rewrite <- (ln_exp (Rmax p q)) at 1.
  rewrite <- ln_mult; [|apply exp_pos|].
  - f_equal. rewrite Rmult_plus_distr_l, Rmult_1_r, <- exp_plus.
    replace (Rmax p q + - (Rmax p q - Rmin p q)) with (Rmin p q) by ring.
    unfold Rmax, Rmin. destruct (Rle_dec p q); ring.
  - pose proof (exp_pos (- (Rmax p q - Rmin p q))). lra.
Qed.

(* pair_error is nonnegative. *)
Lemma pair_error_nonnegative : forall M, sound M -> 0 <= pair_error M.
Proof.
  intros M HM. unfold sound in HM. unfold pair_error.
  assert (Hb : 0 <= both (exp_rel M) (expm1 (flush M))).
  { apply both_nonnegative; [lra|]. apply expm1_nonnegative. lra. }
  assert (Hd : 0 <= u M / (exp 1 * (1 - u M))).
  { apply quotient_nonnegative; [lra|]. apply Rmult_lt_0_compat; [apply exp_pos | lra]. }
  pose proof (Rmult_le_pos (1 + both (exp_rel M) (expm1 (flush M))) _ ltac:(lra) Hd). lra.
Qed.

(* The exponential in a logaddexp, relative to 1 + exp(-gap). *)
Lemma pair_term : forall M gap d w, sound M -> 0 <= gap -> Rabs (d - - gap) <= u M * gap + flush M ->
  exponentiates M d w -> Rabs (1 + w - (1 + exp (- gap))) <= pair_error M * (1 + exp (- gap)).
Proof.
  intros M gap d w HM Hgap Hd Hw. pose proof (exp_step M d (- gap) _ w HM Hd Hw) as K.
  rewrite (Rplus_comm (u M * gap)), expm1_add, <- both_associates in K. unfold sound in HM.
  replace (1 + w - (1 + exp (- gap))) with (w - exp (- gap)) by ring. apply Rle_trans with (1 := K).
  unfold pair_error. set (b := both (exp_rel M) (expm1 (flush M))).
  assert (Hb : 0 <= b) by (apply both_nonnegative; [lra|]; apply expm1_nonnegative; lra).
  pose proof (decaying_drift (u M) gap ltac:(lra) Hgap) as H.
  pose proof (exp_pos (- gap)) as H0. pose proof (le_exp (- gap) 0 ltac:(lra)) as H1. rewrite exp_0 in H1.
  set (q := u M / (exp 1 * (1 - u M))) in *. set (t := exp (- gap)) in *. set (v := expm1 (u M * gap)) in *.
  assert (Hv : 0 <= v) by (apply expm1_nonnegative, Rmult_le_pos; lra).
  assert (Hq : 0 <= q) by (pose proof (Rmult_le_pos t v); lra).
  assert (K1 : b * t <= b / 2 * (1 + t)) by nra.
  assert (K2 : (1 + b) * (t * v) <= (1 + b) * q * (1 + t)).
  { apply Rle_trans with ((1 + b) * q); [apply Rmult_le_compat_l; lra|].
    pose proof (Rmult_le_pos ((1 + b) * q) t ltac:(apply Rmult_le_pos; lra)). lra. }
  assert (K3 : exp_abs M <= exp_abs M * (1 + t)) by nra.
  unfold both. lra.
Qed.

(* One logaddexp; l is the exact logarithm of 1 + exp(-|p - q|). *)
Theorem logaddexp_gap_bound : forall M p q r, sound M -> run_logaddexp M p q r -> pair_error M < 1 ->
  let y := ln (exp p + exp q) in
  Rabs (r - y) <= (1 + u M) * log_error (log1p_rel M) (log1p_abs M) (pair_error M) (ln (1 + exp (- Rabs (p - q))))
    + u M * Rabs y + flush M.
Proof.
  intros M p q r HM (d & w & l & [Hd _] & Hw & Hl & [Hr _]) H1 y.
  set (gap := Rmax p q - Rmin p q).
  assert (Egap : gap = Rabs (p - q)).
  { unfold gap, Rmax, Rmin. destruct (Rle_dec p q); [rewrite Rabs_left1 | rewrite Rabs_pos_eq]; lra. }
  assert (Hgap : 0 <= gap) by (rewrite Egap; apply Rabs_pos).
  replace (Rmin p q + - Rmax p q) with (- gap) in Hd by (unfold gap; ring).
  rewrite (Rabs_Ropp gap), (Rabs_pos_eq gap Hgap) in Hd.
  pose proof (pair_term M gap d w HM Hgap Hd Hw) as K. pose proof (exp_pos (- gap)) as H0.
  pose proof (log1p_step M w (1 + exp (- gap)) (pair_error M) l HM ltac:(lra) H1 K Hl) as L.
  assert (J : Rabs (Rmax p q + l - y) <= log_error (log1p_rel M) (log1p_abs M) (pair_error M) (ln (1 + exp (- gap)))).
  { unfold y. rewrite logaddexp_split. fold gap.
    replace (Rmax p q + l - (Rmax p q + ln (1 + exp (- gap)))) with (l - ln (1 + exp (- gap))) by ring. exact L. }
  rewrite <- Egap. unfold sound in HM.
  apply (rounded_step (u M) (flush M) r (Rmax p q + l) y); [lra | exact Hr | exact J].
Qed.

(* One logaddexp, whatever the gap. *)
Theorem logaddexp_bound : forall M p q r, sound M -> run_logaddexp M p q r -> pair_error M < 1 ->
  let y := ln (exp p + exp q) in
  Rabs (r - y) <= (1 + u M) * log_error (log1p_rel M) (log1p_abs M) (pair_error M) (ln 2) + u M * Rabs y + flush M.
Proof.
  intros M p q r HM Hrun H1 y. pose proof (logaddexp_gap_bound M p q r HM Hrun H1) as K. fold y in K.
  unfold sound in HM. pose proof (Rabs_pos (p - q)) as Hg. pose proof (exp_pos (- Rabs (p - q))) as H0.
  pose proof (le_exp (- Rabs (p - q)) 0 ltac:(lra)) as He. rewrite exp_0 in He.
  assert (HL : 0 <= ln (1 + exp (- Rabs (p - q))) <= ln 2).
  { split; [rewrite <- rule_log_one; apply le_log; lra | apply le_log; lra]. }
  assert (J : log_error (log1p_rel M) (log1p_abs M) (pair_error M) (ln (1 + exp (- Rabs (p - q))))
    <= log_error (log1p_rel M) (log1p_abs M) (pair_error M) (ln 2)).
  { apply log_error_increases; [lra | lra | exact H1 | rewrite (Rabs_pos_eq (ln (1 + _))), (Rabs_pos_eq (ln 2)); lra]. }
  assert (Hu : 0 <= 1 + u M) by lra. pose proof (Rmult_le_compat_l (1 + u M) _ _ Hu J). lra.
Qed.

(* logaddexp does not enlarge distances. *)
Lemma logaddexp_nonexpansive : forall p q p' q' e, Rabs (p - p') <= e -> Rabs (q - q') <= e ->
  Rabs (ln (exp p + exp q) - ln (exp p' + exp q')) <= e.
Proof.
  assert (H : forall p q p' q' e, p <= p' + e -> q <= q' + e -> ln (exp p + exp q) <= ln (exp p' + exp q') + e).
  { intros p q p' q' e Hp Hq. pose proof (exp_pos p). pose proof (exp_pos q).
    pose proof (exp_pos p') as Hp'. pose proof (exp_pos q') as Hq'.
    rewrite <- (ln_exp e), <- ln_mult; [|lra|apply exp_pos]. apply le_log; [lra|].
    rewrite Rmult_plus_distr_r, <- !exp_plus. apply Rplus_le_compat; apply le_exp; assumption. }
  intros p q p' q' e Hp Hq. apply distance in Hp. apply distance in Hq.
  pose proof (H p q p' q' e ltac:(lra) ltac:(lra)). pose proof (H p' q' p q e ltac:(lra) ltac:(lra)).
  apply Rabs_le. lra.
Qed.

(* lse of one more entry. *)
Lemma lse_next : forall n x, (1 <= n)%nat -> lse (S n) x = ln (exp (lse n x) + exp (x (S n))).
Proof.
  intros n x Hn. unfold lse. rewrite exp_ln; [reflexivity|].
  apply total_positive; [exact Hn|]. intros. apply exp_pos.
Qed.

(* A chain has at least one entry. *)
Lemma chained_length : forall M y n r, chained M y n r -> (1 <= n)%nat.
Proof. intros M y n r H. destruct H; lia. Qed.

(* What one step adds is nonnegative. *)
Lemma chain_step_nonnegative : forall M size, sound M -> pair_error M < 1 -> 0 <= size -> 0 <= chain_step M size.
Proof.
  intros M size HM H1 Hsize. pose proof (pair_error_nonnegative M HM) as Hp. unfold sound in HM.
  assert (Hq : 0 <= pair_error M / (1 - pair_error M)) by (apply quotient_nonnegative; lra).
  pose proof (Rmult_le_pos (log1p_rel M) (Rabs (ln 2)) ltac:(lra) (Rabs_pos _)) as Hl.
  assert (He : 0 <= log_error (log1p_rel M) (log1p_abs M) (pair_error M) (ln 2)).
  { unfold log_error. pose proof (Rmult_le_pos (1 + log1p_rel M) _ ltac:(lra) Hq). lra. }
  unfold chain_step. pose proof (Rmult_le_pos (1 + u M) _ ltac:(lra) He).
  pose proof (Rmult_le_pos (u M) (size + flush M) ltac:(lra) ltac:(lra)). lra.
Qed.

(* The bound for n entries leads to that for n + 1. *)
Lemma lse_chained_next : forall M n size, 0 < u M -> (1 <= n)%nat ->
  lse_chained M (S n) size = (1 + u M) * lse_chained M n size + chain_step M size.
Proof.
  intros M n size Hu Hn. unfold lse_chained, growth. replace (S n - 1)%nat with (S (n - 1)) by lia.
  rewrite <- tech_pow_Rmult. field. lra.
Qed.

(* The bound is at least flush. *)
Lemma lse_chained_at_least : forall M n size, sound M -> 0 < u M -> pair_error M < 1 -> 0 <= size ->
  flush M <= lse_chained M n size.
Proof.
  intros M n size HM Hu H1 Hsize. pose proof (chain_step_nonnegative M size HM H1 Hsize) as Hc. unfold sound in HM.
  unfold lse_chained. assert (Hg : 0 <= growth (u M) (n - 1)).
  { unfold growth. pose proof (pow_R1_Rle (1 + u M) (n - 1) ltac:(lra)). lra. }
  pose proof (Rmult_le_pos _ _ Hg (quotient_nonnegative _ _ Hc Hu)).
  pose proof (Rmult_le_pos (growth (u M) (n - 1)) (flush M) Hg ltac:(lra)). lra.
Qed.

(* A chain of logaddexp; no partial result exceeds size. *)
Theorem chained_bound : forall M N x xh r size, sound M -> 0 < u M -> pair_error M < 1 ->
  (forall i, in_range N i -> reads M (x i) (xh i)) -> (forall n, in_range N n -> Rabs (lse n x) <= size) ->
  chained M xh N r -> Rabs (r - lse N x) <= lse_chained M N size.
Proof.
  intros M N x xh r size HM Hu H1 Hx Hsize H. induction H as [|n p r H IH Hrun].
  - unfold lse_chained, growth. simpl Nat.sub. rewrite pow_O. unfold lse. cbn [total].
    rewrite Rplus_0_l, ln_exp. pose proof (Hx 1%nat ltac:(unfold in_range; lia)) as K. unfold reads in K. lra.
  - pose proof (chained_length M xh n p H) as Hn.
    assert (IH' : Rabs (p - lse n x) <= lse_chained M n size).
    { apply IH; intros i Hi; [apply Hx | apply Hsize]; apply in_range_step; exact Hi. }
    pose proof (Hsize (S n) (in_range_last n)) as Hs.
    assert (Hpos : 0 <= size) by (pose proof (Rabs_pos (lse (S n) x)); lra).
    pose proof (lse_chained_at_least M n size HM Hu H1 Hpos) as Hf.
    pose proof (Hx (S n) (in_range_last n)) as Hr. unfold reads in Hr.
    pose proof (logaddexp_nonexpansive _ _ _ _ _ IH' (Rle_trans _ _ _ Hr Hf)) as Hne.
    rewrite <- lse_next in Hne by exact Hn.
    pose proof (logaddexp_bound M p (xh (S n)) r HM Hrun H1) as Hown. cbv zeta in Hown.
    pose proof (distance_chain _ _ _ _ _ Hown Hne) as K. apply Rle_trans with (1 := K).
    pose proof (abs_moves _ _ _ Hne) as Ha. rewrite lse_chained_next by assumption. unfold chain_step.
    unfold sound in HM. set (B := lse_chained M n size) in *.
    set (A := Rabs (ln (exp p + exp (xh (S n))))) in *.
    pose proof (Rmult_le_compat_l (u M) A (size + B) ltac:(lra) ltac:(lra)).
    pose proof (Rmult_le_pos (u M) (flush M) ltac:(lra) ltac:(lra)). lra.
Qed.
