(* IEEE arithmetic is such a model, in every format: binary64, binary32, binary16, bfloat16 and all others.

   A format has prec digits and the smallest subnormal number 2^emin; its numbers are Flocq's FLT format. `rnd`
   rounds to the nearest of them, ties to even. Its model has the unit roundoff u = 2^(-prec); eta = 2^emin is the
   spacing of the subnormals. Where subnormals are flushed to zero, lam is the smallest normal number 2^(emin + prec
   - 1), else 0; the lemmas hold for every lam. The accuracy of exp, log and log1p, in units in the last place, is a
   hypothesis of the lemmas about them. The exponent range has no upper end here: that nothing overflows is what the
   last part is about.

   Contents: numbers and operations of a format; the model of a format; the operations satisfy the model; the elementary
   functions; sums; four formats; no overflow.

   Sources: IEEE Std 754-2019, sections 3.3, 4.3 and 7.5; Boldo, Melquiond, Computer Arithmetic and Formal Proofs
   (2017), chapters 3 and 5; Jeannerod, Rump, SIAM J. Matrix Anal. Appl. 34 (2013) 338-344. *)

From Coq Require Import Reals Lra Lia List Permutation PeanoNat ZArith.
From Flocq Require Import Core Relative Plus_error.
From ShiftProof Require Import Rules Model Formulas Sums.
Open Scope R_scope.

(* ------------------------------------------------------------------------ numbers and operations of a format *)

(* x is a number of the format. *)
Definition fmt (prec emin : Z) (x : R) : Prop := generic_format radix2 (FLT_exp emin prec) x.

(* Rounding to nearest, ties to even. *)
Definition rnd (prec emin : Z) (x : R) : R := round radix2 (FLT_exp emin prec) (Znearest (fun m => negb (Z.even m))) x.

(* One unit in the last place of x. *)
Definition unit_last (prec emin : Z) (x : R) : R := ulp radix2 (FLT_exp emin prec) x.

(* The smallest normal number. *)
Definition smallest_normal (prec emin : Z) : R := bpow radix2 (emin + prec - 1).

(* r0, or 0 in its place where it is smaller than lam. *)
Definition flushed (lam r0 r : R) : Prop := r = r0 \/ (r = 0 /\ Rabs r0 < lam).

(* What an operation of exact result x returns: x rounded, or 0 where x is smaller than lam. *)
Definition rounds (prec emin : Z) (lam x r : R) : Prop := r = rnd prec emin x \/ (r = 0 /\ Rabs x < lam).

(* r is within k units in the last place of y, or 0 in place of such a number that is smaller than lam. *)
Definition within (prec emin : Z) (k lam y r : R) : Prop :=
  exists r0, Rabs (r0 - y) <= k * unit_last prec emin y /\ flushed lam r0 r.

(* The operations, as IEEE arithmetic and an elementary function library return them. *)
Definition ieee_read (lam a r : R) : Prop := flushed lam a r.
Definition ieee_sum (prec emin : Z) (lam a b r : R) : Prop := rounds prec emin lam (a + b) r.
Definition ieee_difference (prec emin : Z) (lam a b r : R) : Prop := rounds prec emin lam (a - b) r.
Definition ieee_product (prec emin : Z) (lam a b r : R) : Prop := rounds prec emin lam (a * b) r.
Definition ieee_quotient (prec emin : Z) (lam a b r : R) : Prop := rounds prec emin lam (a / b) r.
Definition ieee_exp (prec emin : Z) (ee lam a r : R) : Prop :=
  within prec emin ee lam (exp a) r /\ 0 <= r /\ (a = 0 -> r = 1).
Definition ieee_log (prec emin : Z) (el lam a r : R) : Prop := within prec emin el lam (ln a) r.
Definition ieee_log1p (prec emin : Z) (ep lam a r : R) : Prop := within prec emin ep lam (ln (1 + a)) r.

(* ------------------------------------------------------------------------------------ the model of a format *)

(* ee, el, ep: the accuracies of exp, log, log1p in units in the last place; lam: what is flushed. *)
Definition format_model (prec emin : Z) (ee el ep lam : R) : model := {|
  u := bpow radix2 (- prec);
  exp_rel := 2 * ee * bpow radix2 (- prec); exp_abs := ee * bpow radix2 emin + lam;
  log_rel := 2 * el * bpow radix2 (- prec); log_abs := el * bpow radix2 emin + lam;
  log1p_rel := 2 * ep * bpow radix2 (- prec); log1p_abs := ep * bpow radix2 emin + lam;
  under := bpow radix2 emin / 2 + lam;
  flush := lam
|}.

(* The unit roundoff is below 1. *)
Lemma roundoff_range : forall prec, (0 < prec)%Z -> 0 < bpow radix2 (- prec) < 1.
Proof.
  intros prec Hp. split; [apply bpow_gt_0|]. change 1 with (bpow radix2 0). apply bpow_lt. lia.
Qed.

(* The model of a format is sound. *)
Lemma format_sound : forall prec emin ee el ep lam, (0 < prec)%Z -> 0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  sound (format_model prec emin ee el ep lam).
Proof.
  intros prec emin ee el ep lam Hp He Hl H1 Hf. assert (U := roundoff_range prec Hp).
  assert (E := bpow_gt_0 radix2 emin).
  assert (P : forall k, 0 <= k -> 0 <= 2 * k * bpow radix2 (- prec) /\ 0 <= k * bpow radix2 emin).
  { intros k Hk. split; repeat apply Rmult_le_pos; lra. }
  unfold sound. cbn [format_model u exp_rel exp_abs log_rel log_abs log1p_rel log1p_abs under flush].
  generalize (P ee He) (P el Hl) (P ep H1). lra.
Qed.

(* Half of one unit in the last place of 1 is the unit roundoff. *)
Lemma half_step : forall prec, / 2 * bpow radix2 (- prec + 1) = bpow radix2 (- prec).
Proof. intro prec. rewrite bpow_plus. change (bpow radix2 1) with 2. field. Qed.

(* -------------------------------------------------------------------------- the operations satisfy the model *)

(* Rounding without flushing. *)
Lemma rounds_gradual : forall prec emin x r, rounds prec emin 0 x r <-> r = rnd prec emin x.
Proof.
  intros prec emin x r. unfold rounds. split; [|left; assumption].
  intros [H|[_ H]]; [exact H|]. generalize (Rabs_pos x). lra.
Qed.

(* A result flushed once it was rounded is among those of `rounds`, where lam is a number of the format. *)
Lemma rounds_flushed : forall prec emin lam x r, (0 < prec)%Z -> fmt prec emin lam ->
  flushed lam (rnd prec emin x) r -> rounds prec emin lam x r.
Proof.
  intros prec emin lam x r Hp Hl [H|[H S]]; [left; exact H | right].
  assert (Prec_gt_0 prec) by exact Hp. split; [exact H|]. apply Rnot_le_lt. intro C. apply (Rlt_irrefl lam).
  apply Rle_lt_trans with (2 := S).
  apply abs_round_ge_generic; [apply FLT_exp_valid; assumption | apply valid_rnd_N|..];
    assumption.
Qed.

(* A rounded number is one of the format. *)
Lemma rnd_fmt : forall prec emin x, (0 < prec)%Z -> fmt prec emin (rnd prec emin x).
Proof.
  intros prec emin x Hp. assert (Prec_gt_0 prec) by exact Hp.
  apply generic_format_round; [apply FLT_exp_valid; assumption | apply valid_rnd_N].
Qed.

(* So is 0, and the result of an operation. *)
Lemma zero_fmt : forall prec emin, fmt prec emin 0.
Proof. intros prec emin. apply generic_format_0. Qed.

(* The result of every operation is a number of the format. *)
Lemma rounds_fmt : forall prec emin lam x r, (0 < prec)%Z -> rounds prec emin lam x r -> fmt prec emin r.
Proof. intros prec emin lam x r Hp [->|[-> _]]; [apply rnd_fmt; exact Hp | apply zero_fmt]. Qed.

(* The negative of a number of the format is one. *)
Lemma opp_fmt : forall prec emin x, fmt prec emin x -> fmt prec emin (- x).
Proof. intros prec emin x H. apply generic_format_opp. exact H. Qed.

(* A number of the format is not changed. *)
Lemma rnd_exact : forall prec emin x, fmt prec emin x -> rnd prec emin x = x.
Proof. intros prec emin x H. apply round_generic; [apply valid_rnd_N | exact H]. Qed.

(* A sum of two numbers of the format does not underflow: u relative to it is all that it errs by. *)
Lemma rnd_sum_error : forall prec emin a b, (0 < prec)%Z -> fmt prec emin a -> fmt prec emin b ->
  Rabs (rnd prec emin (a + b) - (a + b)) <= bpow radix2 (- prec) * Rabs (a + b).
Proof.
  intros prec emin a b Hp Ha Hb. assert (P : Prec_gt_0 prec) by exact Hp.
  destruct (@FLT_plus_error_N_ex radix2 emin prec P (fun m => negb (Z.even m)) a b Ha Hb) as [e [He E]].
  unfold rnd. rewrite E. replace ((a + b) * (1 + e) - (a + b)) with (e * (a + b)) by ring. rewrite Rabs_mult.
  apply Rmult_le_compat_r; [apply Rabs_pos|]. rewrite <- half_step.
  apply Rle_trans with (1 := He), u_rod1pu_ro_le_u_ro.
Qed.

(* Any result errs by u relative and by half the spacing of the subnormals. *)
Lemma rnd_error : forall prec emin x, (0 < prec)%Z ->
  Rabs (rnd prec emin x - x) <= bpow radix2 (- prec) * Rabs x + bpow radix2 emin / 2.
Proof.
  intros prec emin x Hp.
  destruct (error_N_FLT radix2 emin prec Hp (fun m => negb (Z.even m)) x) as [e [h [He [Hh [_ E]]]]].
  unfold rnd. rewrite E. rewrite half_step in He. replace (x * (1 + e) + h - x) with (e * x + h) by ring.
  apply Rmult_le_compat_r with (r := Rabs x) in He; [|apply Rabs_pos]. rewrite <- Rabs_mult in He.
  generalize (Rabs_triang (e * x) h). lra.
Qed.

(* Reading. *)
Theorem format_reads : forall prec emin ee el ep lam a r, 0 <= lam ->
  ieee_read lam a r -> reads (format_model prec emin ee el ep lam) a r.
Proof.
  intros prec emin ee el ep lam a r Hl [->|[-> H]]; unfold reads; cbn.
  - replace (a - a) with 0 by ring. rewrite Rabs_R0. exact Hl.
  - rewrite Rminus_0_l, Rabs_Ropp. lra.
Qed.

(* Addition. *)
Theorem format_adds : forall prec emin ee el ep lam a b r, (0 < prec)%Z -> 0 <= lam -> fmt prec emin a ->
  fmt prec emin b -> ieee_sum prec emin lam a b r -> adds (format_model prec emin ee el ep lam) a b r.
Proof.
  intros prec emin ee el ep lam a b r Hp Hl Ha Hb H. assert (U := roundoff_range prec Hp). unfold adds. cbn.
  destruct H as [->|[-> H]].
  - split; [generalize (rnd_sum_error prec emin a b Hp Ha Hb); lra|]. intros ->. apply round_0, valid_rnd_N.
  - split; [|reflexivity]. rewrite Rminus_0_l, Rabs_Ropp.
    assert (0 <= bpow radix2 (- prec) * Rabs (a + b)) by (apply Rmult_le_pos; [lra | apply Rabs_pos]). lra.
Qed.

(* Addition, with what a tree of additions needs. *)
Theorem format_adds_nearest : forall prec emin ee el ep lam a b r, (0 < prec)%Z -> 0 <= lam -> fmt prec emin a ->
  fmt prec emin b -> ieee_sum prec emin lam a b r -> adds_nearest (format_model prec emin ee el ep lam) a b r.
Proof.
  intros prec emin ee el ep lam a b r Hp Hl Ha Hb H. assert (U := roundoff_range prec Hp).
  assert (P : Prec_gt_0 prec) by exact Hp. unfold adds_nearest. cbn. destruct H as [->|[-> H]].
  - exists (rnd prec emin (a + b) - (a + b)), 0. rewrite Rabs_R0. split; [ring|].
    split; [apply rnd_sum_error; assumption|].
    split; [apply plus_error_le_l; try assumption; apply FLT_exp_valid; exact P|].
    split; [apply plus_error_le_r; try assumption; apply FLT_exp_valid; exact P | exact Hl].
  - exists 0, (- (a + b)). rewrite Rabs_R0, Rabs_Ropp. split; [ring|].
    assert (0 <= bpow radix2 (- prec) * Rabs (a + b)) by (apply Rmult_le_pos; [lra | apply Rabs_pos]).
    repeat split; try assumption; try apply Rabs_pos. lra.
Qed.

(* Subtraction. *)
Theorem format_subtracts : forall prec emin ee el ep lam a b r, (0 < prec)%Z -> 0 <= lam -> fmt prec emin a ->
  fmt prec emin b -> ieee_difference prec emin lam a b r -> subtracts (format_model prec emin ee el ep lam) a b r.
Proof.
  intros prec emin ee el ep lam a b r Hp Hl Ha Hb H. apply format_adds; try assumption. apply opp_fmt. exact Hb.
Qed.

(* The error of any operation. *)
Lemma rounds_error : forall prec emin lam x r, (0 < prec)%Z -> 0 <= lam -> rounds prec emin lam x r ->
  Rabs (r - x) <= bpow radix2 (- prec) * Rabs x + (bpow radix2 emin / 2 + lam).
Proof.
  intros prec emin lam x r Hp Hl [->|[-> H]].
  - generalize (rnd_error prec emin x Hp). lra.
  - rewrite Rminus_0_l, Rabs_Ropp. assert (U := roundoff_range prec Hp). assert (E := bpow_gt_0 radix2 emin).
    assert (0 <= bpow radix2 (- prec) * Rabs x) by (apply Rmult_le_pos; [lra | apply Rabs_pos]). lra.
Qed.

(* Multiplication: by 1 it is exact where the other factor is not flushed. *)
Theorem format_multiplies : forall prec emin ee el ep lam a b r, (0 < prec)%Z -> 0 <= lam -> fmt prec emin a ->
  a = 0 \/ lam <= Rabs a -> ieee_product prec emin lam a b r ->
  multiplies (format_model prec emin ee el ep lam) a b r.
Proof.
  intros prec emin ee el ep lam a b r Hp Hl Ha Hn H. split; [apply rounds_error; assumption|].
  intros ->. unfold ieee_product, rounds in H. rewrite Rmult_1_r in H. destruct H as [->|[-> H]].
  - apply rnd_exact. exact Ha.
  - destruct Hn as [->|Hn]; lra.
Qed.

(* What an operation returns is such a factor: numbers smaller than lam do not arise where they are flushed. *)
Lemma flushed_normal : forall lam r0 r, (Rabs r0 < lam -> r = 0) -> flushed lam r0 r -> r = 0 \/ lam <= Rabs r.
Proof.
  intros lam r0 r Hz [->|[-> H]]; [|left; reflexivity].
  destruct (Rlt_or_le (Rabs r0) lam) as [C|C]; [left; apply Hz; exact C | right; exact C].
Qed.

(* Division. *)
Theorem format_divides : forall prec emin ee el ep lam a b r, (0 < prec)%Z -> 0 <= lam ->
  ieee_quotient prec emin lam a b r -> divides (format_model prec emin ee el ep lam) a b r.
Proof. intros prec emin ee el ep lam a b r Hp Hl H. apply rounds_error; assumption. Qed.

(* ------------------------------------------------------------------------------------ the elementary functions *)

(* A unit in the last place is at most 2 u relative to the number, or it is the spacing of the subnormals. *)
Lemma unit_last_bound : forall prec emin x, (0 < prec)%Z ->
  unit_last prec emin x <= Rmax (2 * bpow radix2 (- prec) * Rabs x) (bpow radix2 emin).
Proof.
  intros prec emin x Hp. assert (P : Prec_gt_0 prec) by exact Hp. unfold unit_last.
  destruct (Rlt_or_le (Rabs x) (bpow radix2 (emin + prec))) as [H|H].
  - rewrite ulp_FLT_small by assumption. apply Rmax_r.
  - apply Rle_trans with (2 := Rmax_l _ _). replace (2 * bpow radix2 (- prec)) with (bpow radix2 (1 - prec)).
    + rewrite Rmult_comm. apply ulp_FLT_le. apply Rle_trans with (2 := H), bpow_le. lia.
    + unfold Zminus. rewrite bpow_plus. reflexivity.
Qed.

(* An accuracy in units in the last place as a relative and an absolute error. *)
Lemma within_error : forall prec emin k lam y r, (0 < prec)%Z -> 0 <= k -> 0 <= lam -> within prec emin k lam y r ->
  Rabs (r - y) <= 2 * k * bpow radix2 (- prec) * Rabs y + (k * bpow radix2 emin + lam).
Proof.
  intros prec emin k lam y r Hp Hk Hl [r0 [H F]].
  assert (B : unit_last prec emin y <= 2 * bpow radix2 (- prec) * Rabs y + bpow radix2 emin).
  { apply Rle_trans with (1 := unit_last_bound prec emin y Hp). assert (U := roundoff_range prec Hp).
    assert (E := bpow_gt_0 radix2 emin).
    assert (0 <= bpow radix2 (- prec) * Rabs y) by (apply Rmult_le_pos; [lra | apply Rabs_pos]).
    apply Rmax_lub; lra. }
  apply Rmult_le_compat_l with (r := k) in B; [|exact Hk].
  assert (D : Rabs (r - r0) <= lam).
  { destruct F as [->|[-> F]]; [replace (r0 - r0) with 0 by ring; rewrite Rabs_R0; exact Hl|].
    rewrite Rminus_0_l, Rabs_Ropp. lra. }
  generalize (Rabs_triang (r - r0) (r0 - y)). replace (r - r0 + (r0 - y)) with (r - y) by ring. lra.
Qed.

(* The exponential. *)
Theorem format_exponentiates : forall prec emin ee el ep lam a r, (0 < prec)%Z -> 0 <= ee -> 0 <= lam ->
  ieee_exp prec emin ee lam a r -> exponentiates (format_model prec emin ee el ep lam) a r.
Proof.
  intros prec emin ee el ep lam a r Hp He Hl [H R]. split; [|exact R]. cbn.
  generalize (within_error prec emin ee lam (exp a) r Hp He Hl H). rewrite (Rabs_pos_eq (exp a)); [auto|].
  left. apply exp_pos.
Qed.

(* The logarithm. *)
Theorem format_takes_log : forall prec emin ee el ep lam a r, (0 < prec)%Z -> 0 <= el -> 0 <= lam ->
  ieee_log prec emin el lam a r -> takes_log (format_model prec emin ee el ep lam) a r.
Proof. intros prec emin ee el ep lam a r Hp He Hl H. apply within_error; assumption. Qed.

(* The logarithm of 1 + a. *)
Theorem format_takes_log1p : forall prec emin ee el ep lam a r, (0 < prec)%Z -> 0 <= ep -> 0 <= lam ->
  ieee_log1p prec emin ep lam a r -> takes_log1p (format_model prec emin ee el ep lam) a r.
Proof. intros prec emin ee el ep lam a r Hp He Hl H. apply within_error; assumption. Qed.

(* A correctly rounded function is within half a unit. *)
Lemma correctly_rounded : forall prec emin y, (0 < prec)%Z -> within prec emin (/ 2) 0 y (rnd prec emin y).
Proof.
  intros prec emin y Hp. assert (P : Prec_gt_0 prec) by exact Hp. exists (rnd prec emin y).
  split; [|left; reflexivity]. apply error_le_half_ulp. apply FLT_exp_valid. exact P.
Qed.

(* So the hypotheses can be met: by the correctly rounded exponential. *)
Lemma correctly_rounded_exp : forall prec emin a, (0 < prec)%Z -> (emin <= 0)%Z ->
  ieee_exp prec emin (/ 2) 0 a (rnd prec emin (exp a)).
Proof.
  intros prec emin a Hp He. assert (P : Prec_gt_0 prec) by exact Hp.
  split; [apply correctly_rounded; exact Hp|]. split.
  - apply round_ge_generic; [apply FLT_exp_valid; exact P | apply valid_rnd_N | apply generic_format_0 |].
    left. apply exp_pos.
  - intros ->. rewrite exp_0. apply rnd_exact. apply generic_format_FLT_1; assumption.
Qed.

(* ------------------------------------------------------------------------------------------------------ sums *)

(* c is the sum of the entries of w by additions of the format in the order of the tree. *)
Inductive format_sum (prec emin : Z) (lam : R) (w : nat -> R) : tree -> R -> Prop :=
| format_sum_leaf : forall i, format_sum prec emin lam w (leaf i) (w i)
| format_sum_node : forall t1 t2 c1 c2 c, format_sum prec emin lam w t1 c1 -> format_sum prec emin lam w t2 c2 ->
    ieee_sum prec emin lam c1 c2 c -> format_sum prec emin lam w (node t1 t2) c.

(* Every leaf is a number of the format. *)
Definition leaves_fmt (prec emin : Z) (w : nat -> R) (t : tree) : Prop :=
  forall i, In i (leaves t) -> fmt prec emin (w i).

(* The leaves of the parts of a tree. *)
Lemma leaves_fmt_node : forall prec emin w t1 t2, leaves_fmt prec emin w (node t1 t2) ->
  leaves_fmt prec emin w t1 /\ leaves_fmt prec emin w t2.
Proof. intros prec emin w t1 t2 H. split; intros i Hi; apply H; cbn; apply in_or_app; auto. Qed.

(* The sum is a number of the format. *)
Lemma format_sum_fmt : forall prec emin lam w t c, (0 < prec)%Z -> leaves_fmt prec emin w t ->
  format_sum prec emin lam w t c -> fmt prec emin c.
Proof.
  intros prec emin lam w t c Hp Hw H. destruct H as [i|t1 t2 c1 c2 c _ _ H].
  - apply Hw. left. reflexivity.
  - apply rounds_fmt with lam (c1 + c2); assumption.
Qed.

(* Sums.v applies to it. *)
Theorem format_sum_tree : forall prec emin ee el ep lam w t c, (0 < prec)%Z -> 0 <= lam ->
  leaves_fmt prec emin w t -> format_sum prec emin lam w t c ->
  tree_sum (format_model prec emin ee el ep lam) w t c.
Proof.
  intros prec emin ee el ep lam w t c Hp Hl Hw H. induction H as [i|t1 t2 c1 c2 c H1 IH1 H2 IH2 H].
  - apply tree_sum_leaf.
  - destruct (leaves_fmt_node _ _ _ _ _ Hw) as [W1 W2].
    apply tree_sum_node with c1 c2; [apply IH1; exact W1 | apply IH2; exact W2|].
    apply format_adds_nearest; try assumption.
    + apply format_sum_fmt with lam w t1; assumption.
    + apply format_sum_fmt with lam w t2; assumption.
Qed.

(* The entries 1 .. N in the format make the leaves numbers of the format. *)
Lemma entries_fmt : forall prec emin N w t, Permutation (leaves t) (seq 1 N) ->
  (forall i, in_range N i -> fmt prec emin (w i)) -> leaves_fmt prec emin w t.
Proof.
  intros prec emin N w t Hp Hw i Hi. apply Hw. apply (Permutation_in _ Hp) in Hi. apply in_seq in Hi.
  unfold in_range. lia.
Qed.

(* So do the entries other than w_k. *)
Lemma others_fmt : forall prec emin N k w t, Permutation (k :: leaves t) (seq 1 N) ->
  (forall i, in_range N i -> i <> k -> fmt prec emin (w i)) -> leaves_fmt prec emin w t.
Proof.
  intros prec emin N k w t Hp Hw i Hi. apply Hw.
  - assert (I : In i (k :: leaves t)) by (right; exact Hi). apply (Permutation_in _ Hp) in I. apply in_seq in I.
    unfold in_range. lia.
  - intros ->. assert (D : NoDup (k :: leaves t)).
    { apply Permutation_NoDup with (seq 1 N); [apply Permutation_sym; exact Hp | apply seq_NoDup]. }
    apply NoDup_cons_iff in D. tauto.
Qed.

(* Every sum of N numbers, in any order: gamma = (N - 1) u, for every N. *)
Theorem format_sum_any_order : forall prec emin lam N w t c, (0 < prec)%Z -> 0 <= lam ->
  Permutation (leaves t) (seq 1 N) -> (forall i, in_range N i -> fmt prec emin (w i)) ->
  format_sum prec emin lam w t c ->
  sums (INR (N - 1) * bpow radix2 (- prec))
       ((1 + INR (N - 1) * bpow radix2 (- prec)) * (INR (N - 1) * lam)) N w c.
Proof.
  intros prec emin lam N w t c Hp Hl Ht Hw H.
  assert (S := format_sound prec emin 0 0 0 lam Hp (Rle_refl 0) (Rle_refl 0) (Rle_refl 0) Hl).
  apply (sum_any_order (format_model prec emin 0 0 0 lam) N w c S). exists t. split; [exact Ht|].
  apply format_sum_tree; try assumption. apply entries_fmt with N; assumption.
Qed.

(* Where nothing is flushed, kappa = 0. *)
Theorem format_sum_gradual : forall prec emin N w t c, (0 < prec)%Z -> Permutation (leaves t) (seq 1 N) ->
  (forall i, in_range N i -> fmt prec emin (w i)) -> format_sum prec emin 0 w t c ->
  sums (INR (N - 1) * bpow radix2 (- prec)) 0 N w c.
Proof.
  intros prec emin N w t c Hp Ht Hw H.
  generalize (format_sum_any_order prec emin 0 N w t c Hp (Rle_refl 0) Ht Hw H). unfold sums. lra.
Qed.

(* The same without the entry k: gamma = (N - 2) u. *)
Theorem format_sum_others : forall prec emin lam N k w t c, (0 < prec)%Z -> 0 <= lam ->
  Permutation (k :: leaves t) (seq 1 N) -> (forall i, in_range N i -> i <> k -> fmt prec emin (w i)) ->
  format_sum prec emin lam w t c ->
  sums (INR (N - 2) * bpow radix2 (- prec))
       ((1 + INR (N - 2) * bpow radix2 (- prec)) * (INR (N - 2) * lam)) N (without k w) c.
Proof.
  intros prec emin lam N k w t c Hp Hl Ht Hw H.
  assert (S := format_sound prec emin 0 0 0 lam Hp (Rle_refl 0) (Rle_refl 0) (Rle_refl 0) Hl).
  apply (sum_others_any_order (format_model prec emin 0 0 0 lam) N k w c S). right. exists t. split; [exact Ht|].
  apply format_sum_tree; try assumption. apply others_fmt with N k; assumption.
Qed.

(* Pairwise, over blocks of b terms. *)
Theorem format_sum_pairwise : forall prec emin lam N w b h t c, (0 < prec)%Z -> 0 <= lam ->
  Permutation (leaves t) (seq 1 N) -> (forall i, in_range N i -> fmt prec emin (w i)) -> blocked b h t ->
  format_sum prec emin lam w t c ->
  sums (both (INR (b - 1) * bpow radix2 (- prec)) (growth (bpow radix2 (- prec)) h))
       ((1 + both (INR (b - 1) * bpow radix2 (- prec)) (growth (bpow radix2 (- prec)) h)) * (INR (N - 1) * lam)) N w c.
Proof.
  intros prec emin lam N w b h t c Hp Hl Ht Hw B H.
  assert (S := format_sound prec emin 0 0 0 lam Hp (Rle_refl 0) (Rle_refl 0) (Rle_refl 0) Hl).
  apply (sum_pairwise (format_model prec emin 0 0 0 lam) N w b h t c S Ht B).
  apply format_sum_tree; try assumption. apply entries_fmt with N; assumption.
Qed.

(* A sum in a wider format of numbers that are in it, such as those of the working format: summed there with gamma and
   kappa, then rounded to the working format. *)
Theorem format_sum_wide : forall prec emin lam N w s r gamma kappa, (0 < prec)%Z -> 0 <= lam -> 0 <= gamma ->
  sums gamma kappa N w s -> rounds prec emin lam s r ->
  sums (both gamma (bpow radix2 (- prec)))
       ((1 + bpow radix2 (- prec)) * kappa + (bpow radix2 emin / 2 + lam)) N w r.
Proof.
  intros prec emin lam N w s r gamma kappa Hp Hl Hg Hs Hr. assert (U := roundoff_range prec Hp).
  assert (M := sum_mixed N w w s r 0 0 gamma kappa (bpow radix2 (- prec)) (bpow radix2 emin / 2 + lam) Hg).
  replace (both gamma (bpow radix2 (- prec))) with (both (both 0 gamma) (bpow radix2 (- prec))) by (unfold both; ring).
  replace ((1 + bpow radix2 (- prec)) * kappa) with
    ((1 + bpow radix2 (- prec)) * ((1 + gamma) * (INR N * 0) + kappa)) by ring.
  apply M; [lra| |exact Hs | apply rounds_error; assumption].
  intros i _. replace (w i - w i) with 0 by ring. rewrite Rabs_R0. lra.
Qed.

(* A sum whose terms are rounded to another format first (prec', emin', lam'), and summed there in any order. *)
Theorem format_sum_mixed : forall prec emin lam prec' emin' lam' N w w' t s r, (0 < prec)%Z -> 0 <= lam ->
  (0 < prec')%Z -> 0 <= lam' -> (forall i, in_range N i -> rounds prec' emin' lam' (w i) (w' i)) ->
  Permutation (leaves t) (seq 1 N) -> format_sum prec' emin' lam' w' t s -> rounds prec emin lam s r ->
  sums (both (both (bpow radix2 (- prec')) (INR (N - 1) * bpow radix2 (- prec'))) (bpow radix2 (- prec)))
       ((1 + bpow radix2 (- prec)) *
          ((1 + INR (N - 1) * bpow radix2 (- prec')) * (INR N * (bpow radix2 emin' / 2 + lam')) +
           (1 + INR (N - 1) * bpow radix2 (- prec')) * (INR (N - 1) * lam')) +
        (bpow radix2 emin / 2 + lam)) N w r.
Proof.
  intros prec emin lam prec' emin' lam' N w w' t s r Hp Hl Hp' Hl' Hw Ht Hs Hr.
  assert (U := roundoff_range prec Hp). assert (U' := roundoff_range prec' Hp').
  apply sum_mixed with w' s.
  - apply Rmult_le_pos; [apply pos_INR | lra].
  - lra.
  - intros i Hi. apply rounds_error; [assumption..|]. apply Hw. exact Hi.
  - apply format_sum_any_order with emin' t; try assumption. intros i Hi.
    apply rounds_fmt with lam' (w i); [exact Hp'|]. apply Hw. exact Hi.
  - apply rounds_error; assumption.
Qed.

(* What a rounded addition loses is a number of the format. *)
Lemma lost_fmt : forall prec emin a b, (0 < prec)%Z -> fmt prec emin a -> fmt prec emin b ->
  fmt prec emin (a + b - rnd prec emin (a + b)).
Proof.
  intros prec emin a b Hp Ha Hb. assert (P : Prec_gt_0 prec) by exact Hp.
  replace (a + b - rnd prec emin (a + b)) with (- (rnd prec emin (a + b) - (a + b))) by ring. apply opp_fmt.
  apply plus_error; try assumption; [apply FLT_exp_valid; exact P | apply FLT_exp_monotone].
Qed.

(* The compensated sum, for every length: s_i the rounded partial sums, q_i exactly what they lose (as TwoSum
   computes it), e the rounded sum of the q_i, r the rounded s_N + e. *)
Theorem format_sum_compensated : forall prec emin N x s q e r, (0 < prec)%Z -> (1 <= N)%nat ->
  (forall i, in_range N i -> fmt prec emin (x i)) -> s 1%nat = x 1%nat ->
  (forall i, (1 <= i < N)%nat -> s (S i) = rnd prec emin (s i + x (S i)) /\ q (S i) = s i + x (S i) - s (S i)) ->
  (N = 1%nat /\ e = 0) \/ (exists t, Permutation (1%nat :: leaves t) (seq 1 N) /\ format_sum prec emin 0 q t e) ->
  r = rnd prec emin (s N + e) ->
  sums (bpow radix2 (- prec) +
        (1 + bpow radix2 (- prec)) * (INR (N - 2) * bpow radix2 (- prec)) * (INR (N - 1) * bpow radix2 (- prec)))
       0 N x r.
Proof.
  intros prec emin N x s q e r Hp HN Hx H1 H He ->. assert (P : Prec_gt_0 prec) by exact Hp.
  assert (F : forall i, in_range N i -> fmt prec emin (s i)).
  { intros i Hi. destruct i as [|[|i]]; [destruct Hi; lia | rewrite H1; apply Hx; exact Hi|].
    destruct (H (S i)) as [E _]; [destruct Hi; lia|]. rewrite E. apply rnd_fmt. exact Hp. }
  assert (Fq : forall i, in_range N i -> i <> 1%nat -> fmt prec emin (q i)).
  { intros i Hi Hne. destruct i as [|[|i]]; [destruct Hi; lia | lia|].
    destruct (H (S i)) as [E Eq]; [destruct Hi; lia|]. rewrite Eq, E. apply lost_fmt; [exact Hp | apply F | apply Hx];
      unfold in_range in *; lia. }
  assert (Fe : fmt prec emin e).
  { destruct He as [[_ ->]|[t [Ht He]]]; [apply zero_fmt|]. apply format_sum_fmt with 0 q t; [exact Hp| |exact He].
    apply others_fmt with N 1%nat; assumption. }
  assert (D : forall i, (1 <= i < N)%nat -> Rabs (q (S i)) = Rabs (rnd prec emin (s i + x (S i)) - (s i + x (S i)))).
  { intros i Hi. destruct (H i Hi) as [E Eq]. rewrite Eq, E. apply Rabs_minus_sym. }
  assert (S := format_sound prec emin 0 0 0 0 Hp (Rle_refl 0) (Rle_refl 0) (Rle_refl 0) (Rle_refl 0)).
  apply (sum_compensated_sharp (format_model prec emin 0 0 0 0) N x s q e _ S (eq_refl 0) HN).
  - split; [exact H1|]. split; [|split].
    + intros i Hi. split; [destruct (H i Hi) as [_ ->]; ring|]. rewrite (D i Hi).
      apply rnd_sum_error; [exact Hp | apply F | apply Hx]; unfold in_range; lia.
    + destruct He as [[-> ->]|[t [Ht He]]]; [left; auto | right]. exists t. split; [exact Ht|].
      apply format_sum_tree; [exact Hp | apply Rle_refl | | exact He]. apply others_fmt with N 1%nat; assumption.
    + apply rnd_sum_error; [exact Hp | apply F; unfold in_range; lia | exact Fe].
  - intros i Hi. rewrite (D i Hi).
    apply plus_error_le_r; [apply FLT_exp_valid; exact P | apply F | apply Hx]; unfold in_range; lia.
Qed.

(* ----------------------------------------------------------------------------------------------- four formats *)

Definition binary64 (ee el ep lam : R) : model := format_model 53 (-1074) ee el ep lam.
Definition binary32 (ee el ep lam : R) : model := format_model 24 (-149) ee el ep lam.
Definition binary16 (ee el ep lam : R) : model := format_model 11 (-24) ee el ep lam.
Definition bfloat16 (ee el ep lam : R) : model := format_model 8 (-133) ee el ep lam.

(* A negative power of 2 as a reciprocal. *)
Lemma bpow_reciprocal : forall n, bpow radix2 (- Z.of_nat n) = / 2 ^ n.
Proof.
  intro n. rewrite bpow_opp. f_equal. induction n as [|n IH]; [reflexivity|].
  rewrite Nat2Z.inj_succ. unfold Z.succ. rewrite bpow_plus_1, IH. reflexivity.
Qed.

(* The unit roundoffs. *)
Lemma binary64_u : forall ee el ep lam, u (binary64 ee el ep lam) = / 2 ^ 53.
Proof. intros. exact (bpow_reciprocal 53). Qed.
Lemma binary32_u : forall ee el ep lam, u (binary32 ee el ep lam) = / 2 ^ 24.
Proof. intros. exact (bpow_reciprocal 24). Qed.
Lemma binary16_u : forall ee el ep lam, u (binary16 ee el ep lam) = / 2 ^ 11.
Proof. intros. exact (bpow_reciprocal 11). Qed.
Lemma bfloat16_u : forall ee el ep lam, u (bfloat16 ee el ep lam) = / 2 ^ 8.
Proof. intros. exact (bpow_reciprocal 8). Qed.

(* What underflow adds to a product. *)
Lemma binary64_under : forall ee el ep lam, under (binary64 ee el ep lam) = / 2 ^ 1074 / 2 + lam.
Proof. intros. cbn [binary64 format_model under]. rewrite <- (bpow_reciprocal 1074). reflexivity. Qed.
Lemma binary32_under : forall ee el ep lam, under (binary32 ee el ep lam) = / 2 ^ 149 / 2 + lam.
Proof. intros. cbn [binary32 format_model under]. rewrite <- (bpow_reciprocal 149). reflexivity. Qed.
Lemma binary16_under : forall ee el ep lam, under (binary16 ee el ep lam) = / 2 ^ 24 / 2 + lam.
Proof. intros. cbn [binary16 format_model under]. rewrite <- (bpow_reciprocal 24). reflexivity. Qed.
Lemma bfloat16_under : forall ee el ep lam, under (bfloat16 ee el ep lam) = / 2 ^ 133 / 2 + lam.
Proof. intros. cbn [bfloat16 format_model under]. rewrite <- (bpow_reciprocal 133). reflexivity. Qed.

(* The smallest normal numbers. *)
Lemma binary64_smallest_normal : smallest_normal 53 (-1074) = / 2 ^ 1022.
Proof. exact (bpow_reciprocal 1022). Qed.
Lemma binary32_smallest_normal : smallest_normal 24 (-149) = / 2 ^ 126.
Proof. exact (bpow_reciprocal 126). Qed.
Lemma binary16_smallest_normal : smallest_normal 11 (-24) = / 2 ^ 14.
Proof. exact (bpow_reciprocal 14). Qed.
Lemma bfloat16_smallest_normal : smallest_normal 8 (-133) = / 2 ^ 126.
Proof. exact (bpow_reciprocal 126). Qed.

(* All four are sound. *)
Lemma binary64_sound : forall ee el ep lam, 0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  sound (binary64 ee el ep lam).
Proof. intros. apply format_sound; try assumption. lia. Qed.
Lemma binary32_sound : forall ee el ep lam, 0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  sound (binary32 ee el ep lam).
Proof. intros. apply format_sound; try assumption. lia. Qed.
Lemma binary16_sound : forall ee el ep lam, 0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  sound (binary16 ee el ep lam).
Proof. intros. apply format_sound; try assumption. lia. Qed.
Lemma bfloat16_sound : forall ee el ep lam, 0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  sound (bfloat16 ee el ep lam).
Proof. intros. apply format_sound; try assumption. lia. Qed.

(* The smallest normal number is in the format, so it can be the lam of `rounds_flushed`. *)
Lemma smallest_normal_fmt : forall prec emin, (0 < prec)%Z -> fmt prec emin (smallest_normal prec emin).
Proof.
  intros prec emin Hp. assert (P : Prec_gt_0 prec) by exact Hp. apply generic_format_FLT_bpow; [exact P | lia].
Qed.

(* And it is not negative. *)
Lemma smallest_normal_pos : forall prec emin, 0 <= smallest_normal prec emin.
Proof. intros prec emin. apply bpow_ge_0. Qed.

(* ------------------------------------------------------------------------------------------------ no overflow *)

(* The largest finite number of a format whose exponents end at emax. *)
Definition omega (prec emax : Z) : R := (2 - bpow radix2 (1 - prec)) * bpow radix2 emax.

(* It is the number below 2^(emax + 1): all digits 1. *)
Lemma omega_digits : forall prec emax, (0 < prec)%Z ->
  omega prec emax = F2R (Float radix2 (2 ^ prec - 1) (emax - prec + 1)).
Proof.
  intros prec emax Hp. unfold omega, F2R. cbn [Fnum Fexp].
  change (2 ^ prec)%Z with (radix2 ^ prec)%Z. rewrite minus_IZR, IZR_Zpower by lia.
  rewrite Rmult_minus_distr_r, Rmult_minus_distr_r, Rmult_1_l, <- !bpow_plus.
  change 2 with (bpow radix2 1). rewrite <- bpow_plus. f_equal; f_equal; lia.
Qed.

(* It is a number of the format. *)
Lemma omega_fmt : forall prec emin emax, (0 < prec)%Z -> (emin <= emax - prec + 1)%Z ->
  fmt prec emin (omega prec emax).
Proof.
  intros prec emin emax Hp He. rewrite omega_digits by exact Hp. apply generic_format_FLT.
  apply FLT_spec with (Float radix2 (2 ^ prec - 1) (emax - prec + 1)); [reflexivity| |exact He].
  cbn [Fnum]. change (radix2 ^ prec)%Z with (2 ^ prec)%Z. assert (0 < 2 ^ prec)%Z by (apply Z.pow_pos_nonneg; lia).
  rewrite Z.abs_eq; lia.
Qed.

(* Rounding does not leave the range. *)
Theorem rounds_in_range : forall prec emin emax lam x r, (0 < prec)%Z -> (emin <= emax - prec + 1)%Z ->
  Rabs x <= omega prec emax -> rounds prec emin lam x r -> Rabs r <= omega prec emax.
Proof.
  intros prec emin emax lam x r Hp He Hx H. assert (P : Prec_gt_0 prec) by exact Hp. destruct H as [->|[-> _]].
  - apply abs_round_le_generic; [apply FLT_exp_valid; exact P | apply valid_rnd_N | apply omega_fmt; assumption |].
    exact Hx.
  - rewrite Rabs_R0. apply Rle_trans with (2 := Hx), Rabs_pos.
Qed.

(* A number in the range has a significand of prec digits and an exponent that does not exceed that of omega. *)
Theorem in_range_bounded : forall prec emin emax v, (0 < prec)%Z -> (emin <= emax - prec + 1)%Z -> fmt prec emin v ->
  Rabs v <= omega prec emax ->
  exists m e, v = IZR m * bpow radix2 e /\ (Z.abs m < 2 ^ prec)%Z /\ (emin <= e <= emax - prec + 1)%Z.
Proof.
  intros prec emin emax v Hp He Hv Ho. assert (P : Prec_gt_0 prec) by exact Hp.
  destruct (Req_dec v 0) as [->|Z].
  { exists 0%Z, emin. split; [ring|]. split; [|lia]. cbn [Z.abs]. apply Z.pow_pos_nonneg; lia. }
  exists (Ztrunc (scaled_mantissa radix2 (FLT_exp emin prec) v)), (cexp radix2 (FLT_exp emin prec) v).
  split; [exact Hv|].
  assert (L : (mag radix2 v <= emax + 1)%Z).
  { apply mag_le_bpow; [exact Z|]. apply Rle_lt_trans with (1 := Ho). unfold omega.
    rewrite bpow_plus_1. change (IZR radix2) with 2. apply Rmult_lt_compat_r; [apply bpow_gt_0|].
    generalize (bpow_gt_0 radix2 (1 - prec)). lra. }
  split.
  - destruct (FLT_format_generic radix2 emin prec v Hv) as [f Ef Hm Hf].
    apply lt_IZR. change (2 ^ prec)%Z with (radix2 ^ prec)%Z. rewrite IZR_Zpower by lia.
    rewrite abs_IZR. assert (S : v = IZR (Ztrunc (scaled_mantissa radix2 (FLT_exp emin prec) v)) *
      bpow radix2 (cexp radix2 (FLT_exp emin prec) v)) by exact Hv.
    apply Rmult_lt_reg_r with (bpow radix2 (cexp radix2 (FLT_exp emin prec) v)); [apply bpow_gt_0|].
    rewrite <- (Rabs_pos_eq (bpow radix2 (cexp radix2 (FLT_exp emin prec) v))) at 1 by apply bpow_ge_0.
    rewrite <- Rabs_mult, <- S, <- bpow_plus.
    apply Rlt_le_trans with (1 := bpow_mag_gt radix2 v), bpow_le. unfold cexp, FLT_exp. lia.
  - unfold cexp, FLT_exp. lia.
Qed.

(* v is a number that appears in a sum by additions of the format. *)
Inductive format_passes (prec emin : Z) (lam : R) (w : nat -> R) : tree -> R -> R -> Prop :=
| format_passes_end : forall t c, format_sum prec emin lam w t c -> format_passes prec emin lam w t c c
| format_passes_left : forall t1 t2 c1 c2 c v, format_passes prec emin lam w t1 c1 v ->
    format_sum prec emin lam w t2 c2 -> ieee_sum prec emin lam c1 c2 c -> format_passes prec emin lam w (node t1 t2) c v
| format_passes_right : forall t1 t2 c1 c2 c v, format_sum prec emin lam w t1 c1 ->
    format_passes prec emin lam w t2 c2 v -> ieee_sum prec emin lam c1 c2 c ->
    format_passes prec emin lam w (node t1 t2) c v.

(* What appears in it is a number of the format, and it ends in a sum of the format. *)
Lemma format_passes_sum : forall prec emin lam w t c v, format_passes prec emin lam w t c v ->
  format_sum prec emin lam w t c.
Proof.
  intros prec emin lam w t c v H. induction H as [t c H|t1 t2 c1 c2 c v _ H1 H2 H|t1 t2 c1 c2 c v H1 _ H2 H].
  - exact H.
  - apply format_sum_node with c1 c2; assumption.
  - apply format_sum_node with c1 c2; assumption.
Qed.

(* It appears in the run of Sums.v too. *)
Lemma format_passes_tree : forall prec emin ee el ep lam w t c v, (0 < prec)%Z -> 0 <= lam ->
  leaves_fmt prec emin w t -> format_passes prec emin lam w t c v ->
  passes (format_model prec emin ee el ep lam) w t c v.
Proof.
  intros prec emin ee el ep lam w t c v Hp Hl Hw H.
  induction H as [t c H|t1 t2 c1 c2 c v H1 IH H2 H|t1 t2 c1 c2 c v H1 H2 IH H].
  - apply passes_end, format_sum_tree; assumption.
  - destruct (leaves_fmt_node _ _ _ _ _ Hw) as [W1 W2].
    apply passes_left with c1 c2; [apply IH; exact W1 | apply format_sum_tree; assumption|].
    apply format_adds_nearest; try assumption.
    + apply format_sum_fmt with lam w t1; [assumption..|]. apply format_passes_sum with v. exact H1.
    + apply format_sum_fmt with lam w t2; assumption.
  - destruct (leaves_fmt_node _ _ _ _ _ Hw) as [W1 W2].
    apply passes_right with c1 c2; [apply format_sum_tree; assumption | apply IH; exact W2|].
    apply format_adds_nearest; try assumption.
    + apply format_sum_fmt with lam w t1; assumption.
    + apply format_sum_fmt with lam w t2; [assumption..|]. apply format_passes_sum with v. exact H2.
Qed.

(* No addition of a sum overflows where (1 + gamma) times the sum of the absolute values, plus kappa, is in range. *)
Theorem format_sum_in_range : forall prec emin emax lam N w t c v, (0 < prec)%Z -> 0 <= lam ->
  Permutation (leaves t) (seq 1 N) -> (forall i, in_range N i -> fmt prec emin (w i)) ->
  (1 + INR (N - 1) * bpow radix2 (- prec)) * total N (fun i => Rabs (w i)) +
  (1 + INR (N - 1) * bpow radix2 (- prec)) * (INR (N - 1) * lam) <= omega prec emax ->
  format_passes prec emin lam w t c v -> Rabs v <= omega prec emax.
Proof.
  intros prec emin emax lam N w t c v Hp Hl Ht Hw Ho H. apply Rle_trans with (2 := Ho).
  assert (S := format_sound prec emin 0 0 0 lam Hp (Rle_refl 0) (Rle_refl 0) (Rle_refl 0) Hl).
  apply (sum_bounded (format_model prec emin 0 0 0 lam) N w t c v S Ht). apply format_passes_tree; try assumption.
  apply entries_fmt with N; assumption.
Qed.
