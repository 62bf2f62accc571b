(* What a sum errs by: in any order, pairwise with blocks, in a wider format, and compensated.

   A sum is computed by a tree of additions whose leaves are places 1 .. N of a vector w. An addition keeps what
   rounding to nearest keeps: it errs by no more than the unit roundoff times the exact result, and by no more than
   either summand, because both summands are numbers of the format, each at a distance of the other from the exact
   result. Flushing subnormals to zero adds `flush`. Every theorem about w_1 .. w_N concludes with the relation
   `sums gamma kappa N w s` of Model.v: |s - total N w| <= gamma * total N |w| + kappa. No theorem but that of the
   compensated sum restricts N.

   Contents: lists and trees; any order; pairwise with blocks; what appears on the way; mixed formats; compensated.

   Sources: Jeannerod, Rump, SIAM J. Matrix Anal. Appl. 34 (2013) 338-344, Theorem 2.1 (any order, without restriction
   on the length); Higham, SIAM J. Sci. Comput. 14 (1993) 783-799 (pairwise); Ogita, Rump, Oishi, SIAM J. Sci. Comput.
   26 (2005) 1955-1988, Proposition 4.5 (compensated). *)

From Coq Require Import Reals Lra Lia List Permutation PeanoNat.
From ShiftProof Require Import Rules Model Formulas.
Open Scope R_scope.

(* -------------------------------------------------------------------------------------------- lists and trees *)

(* The sum of f over a list of places. *)
Fixpoint tally (f : nat -> R) (l : list nat) : R :=
  match l with
  | nil => 0
  | i :: rest => f i + tally f rest
  end.

(* The order in which a sum is taken: a leaf is a place in the vector, a node an addition. *)
Inductive tree : Type :=
| leaf : nat -> tree
| node : tree -> tree -> tree.

Fixpoint leaves (t : tree) : list nat :=
  match t with
  | leaf i => i :: nil
  | node a b => leaves a ++ leaves b
  end.

Fixpoint additions (t : tree) : nat :=
  match t with
  | leaf _ => O
  | node a b => S (additions a + additions b)
  end.

Fixpoint height (t : tree) : nat :=
  match t with
  | leaf _ => O
  | node a b => S (Nat.max (height a) (height b))
  end.

(* An addition of numbers of the format, rounded to nearest: d is the rounding error, p what flushing changes. *)
Definition adds_nearest (M : model) (a b r : R) : Prop :=
  exists d p, r = a + b + d + p /\ Rabs d <= u M * Rabs (a + b) /\ Rabs d <= Rabs a /\ Rabs d <= Rabs b /\
              Rabs p <= flush M.

(* c is what the additions of the tree t returned, over the entries of w. *)
Inductive tree_sum (M : model) (w : nat -> R) : tree -> R -> Prop :=
| tree_sum_leaf : forall i, tree_sum M w (leaf i) (w i)
| tree_sum_node : forall t1 t2 c1 c2 c, tree_sum M w t1 c1 -> tree_sum M w t2 c2 -> adds_nearest M c1 c2 c ->
    tree_sum M w (node t1 t2) c.

(* c is a computed sum of w_1 .. w_N, in some order. *)
Definition sums_entries (M : model) (N : nat) (w : nat -> R) (c : R) : Prop :=
  exists t, Permutation (leaves t) (seq 1 N) /\ tree_sum M w t c.

(* c is a computed sum of the entries other than w_k, in some order; of no entries it is 0. *)
Definition sums_others (M : model) (N k : nat) (w : nat -> R) (c : R) : Prop :=
  (N = 1%nat /\ k = 1%nat /\ c = 0) \/ exists t, Permutation (k :: leaves t) (seq 1 N) /\ tree_sum M w t c.

(* A sum over two lists is the sum of both. *)
Lemma tally_app : forall f a b, tally f (a ++ b) = tally f a + tally f b.
Proof. intros f a b. induction a as [|i a IH]; cbn; [ring | rewrite IH; ring]. Qed.

(* The order of a list does not change the exact sum. *)
Lemma tally_permutation : forall f a b, Permutation a b -> tally f a = tally f b.
Proof.
  intros f a b H. induction H as [|i a b _ IH|i j a|a b c _ IH1 _ IH2]; cbn;
    [reflexivity | rewrite IH; reflexivity | ring | congruence].
Qed.

(* A sum of absolute values is not negative. *)
Lemma tally_abs_pos : forall w l, 0 <= tally (fun i => Rabs (w i)) l.
Proof. intros w l. induction l as [|i l IH]; cbn; [lra|]. generalize (Rabs_pos (w i)). lra. Qed.

(* The absolute value of a sum is at most the sum of the absolute values. *)
Lemma tally_abs : forall w l, Rabs (tally w l) <= tally (fun i => Rabs (w i)) l.
Proof.
  intros w l. induction l as [|i l IH]; cbn; [rewrite Rabs_R0; lra|].
  generalize (Rabs_triang (w i) (tally w l)). lra.
Qed.

(* The sum over 1 .. N as a sum over a list. *)
Lemma total_tally : forall N f, total N f = tally f (seq 1 N).
Proof.
  intros N f. induction N as [|n IH]; [reflexivity|].
  rewrite seq_S, tally_app. cbn [total tally]. rewrite IH. replace (1 + n)%nat with (S n) by lia. ring.
Qed.

(* A sum over places where two vectors agree. *)
Lemma tally_equal : forall f g l, (forall i, In i l -> f i = g i) -> tally f l = tally g l.
Proof.
  intros f g l. induction l as [|i l IH]; intro H; cbn; [reflexivity|].
  rewrite (H i) by (left; reflexivity). rewrite IH; [reflexivity|]. intros j Hj. apply H. right. exact Hj.
Qed.

(* A tree has one leaf more than it has additions. *)
Lemma leaves_additions : forall t, length (leaves t) = S (additions t).
Proof. induction t as [i|a IHa b IHb]; cbn; [reflexivity|]. rewrite app_length, IHa, IHb. lia. Qed.

(* The same in the numbers of the theorems. *)
Lemma additions_count : forall t l, Permutation (leaves t) l -> additions t = (length l - 1)%nat.
Proof. intros t l H. rewrite <- (Permutation_length H), leaves_additions. lia. Qed.

(* The leaves 1 .. N in some order have the sums of the vector. *)
Lemma entries_total : forall N t f, Permutation (leaves t) (seq 1 N) -> tally f (leaves t) = total N f.
Proof. intros N t f H. rewrite total_tally. apply tally_permutation. exact H. Qed.

(* The other leaves have the sums of the vector without the entry k. *)
Lemma others_total : forall N k t f, Permutation (k :: leaves t) (seq 1 N) ->
  tally f (leaves t) = total N (without k f).
Proof.
  intros N k t f H. rewrite total_tally, <- (tally_permutation (without k f) _ _ H). cbn [tally].
  assert (D : NoDup (k :: leaves t)).
  { apply Permutation_NoDup with (seq 1 N); [apply Permutation_sym; exact H | apply seq_NoDup]. }
  apply NoDup_cons_iff in D. destruct D as [D _]. unfold without at 1. rewrite Nat.eqb_refl, Rplus_0_l.
  apply tally_equal. intros i Hi. unfold without. destruct (Nat.eqb_spec i k) as [->|]; [contradiction | reflexivity].
Qed.

(* The absolute values of the vector without an entry. *)
Lemma abs_without : forall N k w, total N (fun i => Rabs (without k w i)) = total N (without k (fun i => Rabs (w i))).
Proof.
  intros N k w. apply eq_total. intros i _. unfold without. destruct (Nat.eqb i k); [apply Rabs_R0 | reflexivity].
Qed.

(* ------------------------------------------------------------------------------------------------- any order *)

(* The rounding error of one addition, where each summand errs by K u V + K flush: the heart of the theorem. *)
Lemma addition_error : forall v K1 K2 V1 V2 c1 c2 d, 0 <= v < 1 -> 0 <= K1 -> 0 <= K2 ->
  Rabs c1 <= V1 + K1 * (v * V1) -> Rabs c2 <= V2 + K2 * (v * V2) -> 0 <= V1 -> 0 <= V2 ->
  Rabs d <= v * Rabs (c1 + c2) -> Rabs d <= Rabs c1 -> Rabs d <= Rabs c2 ->
  Rabs d <= (K2 + 1) * (v * V1) + (K1 + 1) * (v * V2).
Proof.
  intros v K1 K2 V1 V2 c1 c2 d Hv HK1 HK2 H1 H2 HV1 HV2 Hd Hd1 Hd2.
  assert (P1 : 0 <= v * V1) by (apply Rmult_le_pos; lra).
  assert (P2 : 0 <= v * V2) by (apply Rmult_le_pos; lra).
  assert (Q1 : 0 <= K1 * (v * V2)) by (apply Rmult_le_pos; lra).
  assert (Q2 : 0 <= K2 * (v * V1)) by (apply Rmult_le_pos; lra).
  destruct (Rle_or_lt V2 (v * V1)) as [S2|S2]; [|destruct (Rle_or_lt V1 (v * V2)) as [S1|S1]].
  - assert (V2 <= V1) by nra. assert (v * V2 <= v * V1) by (apply Rmult_le_compat_l; lra).
    assert (K2 * (v * V2) <= K2 * (v * V1)) by (apply Rmult_le_compat_l; lra). lra.
  - assert (V1 <= V2) by nra. assert (v * V1 <= v * V2) by (apply Rmult_le_compat_l; lra).
    assert (K1 * (v * V1) <= K1 * (v * V2)) by (apply Rmult_le_compat_l; lra). lra.
  - assert (K1 * (v * V1) <= K1 * V2) by (apply Rmult_le_compat_l; lra).
    assert (K2 * (v * V2) <= K2 * V1) by (apply Rmult_le_compat_l; lra).
    assert (T : Rabs (c1 + c2) <= (V1 + K1 * V2) + (V2 + K2 * V1)).
    { generalize (Rabs_triang c1 c2). lra. }
    apply Rmult_le_compat_l with (r := v) in T; [|lra]. lra.
Qed.

(* The error of a node from the errors of its two summands. *)
Lemma node_error : forall M K1 K2 s1 s2 W1 W2 c1 c2 c, sound M -> 0 <= K1 -> 0 <= K2 ->
  Rabs s1 <= W1 -> Rabs s2 <= W2 ->
  Rabs (c1 - s1) <= K1 * (u M * (W1 + K1 * flush M)) + K1 * flush M ->
  Rabs (c2 - s2) <= K2 * (u M * (W2 + K2 * flush M)) + K2 * flush M -> adds_nearest M c1 c2 c ->
  Rabs (c - (s1 + s2)) <= (K1 + K2 + 1) * (u M * (W1 + W2 + (K1 + K2 + 1) * flush M)) + (K1 + K2 + 1) * flush M.
Proof.
  intros M K1 K2 s1 s2 W1 W2 c1 c2 c HM HK1 HK2 Hs1 Hs2 H1 H2 [d [p [-> [Hd [Hd1 [Hd2 Hp]]]]]].
  assert (HW1 := Rle_trans _ _ _ (Rabs_pos s1) Hs1). assert (HW2 := Rle_trans _ _ _ (Rabs_pos s2) Hs2).
  destruct HM as [Hu [_ [_ [_ [_ [_ [_ [_ Hf]]]]]]]].
  assert (F1 : 0 <= K1 * flush M) by (apply Rmult_le_pos; lra).
  assert (F2 : 0 <= K2 * flush M) by (apply Rmult_le_pos; lra).
  set (V1 := W1 + K1 * flush M) in *. set (V2 := W2 + K2 * flush M) in *.
  assert (HV : W1 + W2 + (K1 + K2 + 1) * flush M = V1 + V2 + flush M) by (unfold V1, V2; ring). rewrite HV.
  assert (C1 : Rabs c1 <= V1 + K1 * (u M * V1)).
  { generalize (Rabs_triang s1 (c1 - s1)). replace (s1 + (c1 - s1)) with c1 by ring. unfold V1 in *. lra. }
  assert (C2 : Rabs c2 <= V2 + K2 * (u M * V2)).
  { generalize (Rabs_triang s2 (c2 - s2)). replace (s2 + (c2 - s2)) with c2 by ring. unfold V2 in *. lra. }
  assert (D : Rabs d <= (K2 + 1) * (u M * V1) + (K1 + 1) * (u M * V2)).
  { apply addition_error with c1 c2; try assumption; unfold V1, V2; lra. }
  assert (G : 0 <= (K1 + K2 + 1) * (u M * flush M)) by (repeat apply Rmult_le_pos; lra).
  replace (c1 + c2 + d + p - (s1 + s2)) with ((c1 - s1) + (c2 - s2) + d + p) by ring.
  generalize (Rabs_triang (c1 - s1 + (c2 - s2) + d) p) (Rabs_triang (c1 - s1 + (c2 - s2)) d)
    (Rabs_triang (c1 - s1) (c2 - s2)). lra.
Qed.

(* The theorem for a tree: of k additions. *)
Lemma tree_error : forall M w t c, sound M -> tree_sum M w t c ->
  Rabs (c - tally w (leaves t)) <=
  INR (additions t) * (u M * (tally (fun i => Rabs (w i)) (leaves t) + INR (additions t) * flush M)) +
  INR (additions t) * flush M.
Proof.
  intros M w t c HM H. induction H as [i|t1 t2 c1 c2 c H1 IH1 H2 IH2 Hc].
  - cbn. replace (w i - (w i + 0)) with 0 by ring. rewrite Rabs_R0. lra.
  - cbn [leaves additions]. rewrite !tally_app, S_INR, plus_INR.
    apply node_error with c1 c2; try assumption; try apply pos_INR; apply tally_abs.
Qed.

(* In the form of the theorems that follow. *)
Lemma tree_error_form : forall M w t c, sound M -> tree_sum M w t c ->
  Rabs (c - tally w (leaves t)) <=
  INR (additions t) * u M * tally (fun i => Rabs (w i)) (leaves t) +
  (1 + INR (additions t) * u M) * (INR (additions t) * flush M).
Proof. intros M w t c HM H. generalize (tree_error M w t c HM H). lra. Qed.

(* A sum of N numbers in any order: gamma = (N - 1) u. *)
Theorem sum_any_order : forall M N w c, sound M -> sums_entries M N w c ->
  sums (INR (N - 1) * u M) ((1 + INR (N - 1) * u M) * (INR (N - 1) * flush M)) N w c.
Proof.
  intros M N w c HM [t [Hp H]]. unfold sums. generalize (tree_error_form M w t c HM H).
  rewrite !(entries_total N t _ Hp). apply additions_count in Hp. rewrite seq_length in Hp. rewrite Hp. auto.
Qed.

(* Of all entries but one, in any order: gamma = (N - 2) u. *)
Theorem sum_others_any_order : forall M N k w c, sound M -> sums_others M N k w c ->
  sums (INR (N - 2) * u M) ((1 + INR (N - 2) * u M) * (INR (N - 2) * flush M)) N (without k w) c.
Proof.
  intros M N k w c HM [[-> [-> ->]]|[t [Hp H]]]; unfold sums.
  - cbn. unfold without. cbn. replace (0 - (0 + 0)) with 0 by ring. rewrite Rabs_R0. lra.
  - generalize (tree_error_form M w t c HM H). rewrite abs_without, !(others_total N k t _ Hp).
    apply Permutation_length in Hp. cbn in Hp. rewrite seq_length, leaves_additions in Hp.
    replace (N - 2)%nat with (additions t) by lia. auto.
Qed.

(* Where nothing is flushed, kappa = 0. *)
Theorem sum_any_order_gradual : forall M N w c, sound M -> flush M = 0 -> sums_entries M N w c ->
  sums (INR (N - 1) * u M) 0 N w c.
Proof.
  intros M N w c HM Hf H. generalize (sum_any_order M N w c HM H). unfold sums. rewrite Hf. lra.
Qed.

(* The same without the entry k. *)
Theorem sum_others_any_order_gradual : forall M N k w c, sound M -> flush M = 0 -> sums_others M N k w c ->
  sums (INR (N - 2) * u M) 0 N (without k w) c.
Proof.
  intros M N k w c HM Hf H. generalize (sum_others_any_order M N k w c HM H). unfold sums. rewrite Hf. lra.
Qed.

(* --------------------------------------------------------------------------------------- pairwise, with blocks *)

(* Blocks of at most b terms, each summed in any order, and h levels of additions over them. *)
Inductive blocked (b : nat) : nat -> tree -> Prop :=
| blocked_block : forall t, (length (leaves t) <= b)%nat -> blocked b 0 t
| blocked_node : forall h t1 t2, blocked b h t1 -> blocked b h t2 -> blocked b (S h) (node t1 t2)
| blocked_higher : forall h t, blocked b h t -> blocked b (S h) t.

(* What a block and the levels over it err by. *)
Definition pairwise_gamma (M : model) (b h : nat) : R := both (INR (b - 1) * u M) (growth (u M) h).

(* One more level. *)
Lemma pairwise_gamma_step : forall M b h,
  1 + pairwise_gamma M b (S h) = (1 + u M) * (1 + pairwise_gamma M b h).
Proof. intros M b h. unfold pairwise_gamma, both, growth. cbn [pow]. ring. Qed.

(* It is not negative. *)
Lemma pairwise_gamma_pos : forall M b h, 0 <= u M -> 0 <= pairwise_gamma M b h.
Proof.
  intros M b h Hu. induction h as [|h IH].
  - unfold pairwise_gamma, both, growth. cbn [pow]. generalize (Rmult_le_pos _ _ (pos_INR (b - 1)) Hu). lra.
  - generalize (pairwise_gamma_step M b h) (Rmult_le_pos _ _ Hu IH). lra.
Qed.

(* The theorem for a tree. *)
Lemma blocked_error : forall M w b h t, sound M -> blocked b h t -> forall c, tree_sum M w t c ->
  Rabs (c - tally w (leaves t)) <= pairwise_gamma M b h * tally (fun i => Rabs (w i)) (leaves t) +
  (1 + pairwise_gamma M b h) * (INR (additions t) * flush M).
Proof.
  intros M w b h t HM B. assert (Hu : 0 <= u M) by (destruct HM; lra).
  assert (Hf : 0 <= flush M) by (unfold sound in HM; tauto).
  induction B as [t Ht|h t1 t2 B1 IH1 B2 IH2|h t B IH]; intros c H.
  - generalize (tree_error_form M w t c HM H) (tally_abs_pos w (leaves t)). rewrite leaves_additions in Ht.
    intros E P. assert (K : INR (additions t) <= INR (b - 1)) by (apply le_INR; lia).
    assert (F := Rmult_le_pos _ _ (pos_INR (additions t)) Hf).
    apply Rmult_le_compat_r with (r := u M) in K; [|exact Hu].
    assert (K1 := Rmult_le_compat_r _ _ _ P K). assert (K2 := Rmult_le_compat_r _ _ _ F K).
    unfold pairwise_gamma, both, growth. cbn [pow]. lra.
  - inversion H as [|a1 a2 c1 c2 r H1 H2 Hc E1 E2]; subst. clear H.
    specialize (IH1 c1 H1). specialize (IH2 c2 H2). destruct Hc as [d [p [-> [Hd [_ [_ Hp]]]]]].
    cbn [leaves additions]. rewrite !tally_app, S_INR, plus_INR.
    assert (A1 := tally_abs w (leaves t1)). assert (A2 := tally_abs w (leaves t2)).
    replace (pairwise_gamma M b (S h)) with ((1 + u M) * (1 + pairwise_gamma M b h) - 1)
      by (rewrite <- pairwise_gamma_step; ring).
    assert (G := pairwise_gamma_pos M b h Hu).
    set (g := pairwise_gamma M b h) in *. set (s1 := tally w (leaves t1)) in *. set (s2 := tally w (leaves t2)) in *.
    set (W1 := tally (fun i => Rabs (w i)) (leaves t1)) in *.
    set (W2 := tally (fun i => Rabs (w i)) (leaves t2)) in *.
    assert (T : Rabs (c1 + c2) <= W1 + W2 + (Rabs (c1 - s1) + Rabs (c2 - s2))).
    { replace (c1 + c2) with ((s1 + s2) + ((c1 - s1) + (c2 - s2))) by ring.
      generalize (Rabs_triang (s1 + s2) (c1 - s1 + (c2 - s2))) (Rabs_triang s1 s2)
        (Rabs_triang (c1 - s1) (c2 - s2)). lra. }
    assert (T' : Rabs (c1 + c2) <= (1 + g) * (W1 + W2) +
                                   (1 + g) * ((INR (additions t1) + INR (additions t2)) * flush M)) by lra.
    apply Rmult_le_compat_l with (r := u M) in T'; [|exact Hu].
    assert (F := Rmult_le_pos _ _ Hu Hf). assert (F2 := Rmult_le_pos _ _ G Hf). assert (F3 := Rmult_le_pos _ _ G F).
    replace (c1 + c2 + d + p - (s1 + s2)) with ((c1 - s1) + (c2 - s2) + d + p) by ring.
    generalize (Rabs_triang (c1 - s1 + (c2 - s2) + d) p) (Rabs_triang (c1 - s1 + (c2 - s2)) d)
      (Rabs_triang (c1 - s1) (c2 - s2)). lra.
  - specialize (IH c H). assert (G := pairwise_gamma_pos M b h Hu). assert (E := pairwise_gamma_step M b h).
    assert (Le : pairwise_gamma M b h <= pairwise_gamma M b (S h)) by (generalize (Rmult_le_pos _ _ Hu G); lra).
    assert (F := Rmult_le_pos _ _ (pos_INR (additions t)) Hf).
    generalize (Rmult_le_compat_r _ _ _ (tally_abs_pos w (leaves t)) Le) (Rmult_le_compat_r _ _ _ F Le). lra.
Qed.

(* Blocks of b terms and h levels of additions over them. *)
Theorem sum_pairwise : forall M N w b h t c, sound M -> Permutation (leaves t) (seq 1 N) -> blocked b h t ->
  tree_sum M w t c ->
  sums (both (INR (b - 1) * u M) (growth (u M) h))
       ((1 + both (INR (b - 1) * u M) (growth (u M) h)) * (INR (N - 1) * flush M)) N w c.
Proof.
  intros M N w b h t c HM Hp B H. unfold sums. generalize (blocked_error M w b h t HM B c H).
  rewrite !(entries_total N t _ Hp). apply additions_count in Hp. rewrite seq_length in Hp. rewrite Hp. auto.
Qed.

(* The same without the entry k. *)
Theorem sum_others_pairwise : forall M N k w b h t c, sound M -> Permutation (k :: leaves t) (seq 1 N) ->
  blocked b h t -> tree_sum M w t c ->
  sums (both (INR (b - 1) * u M) (growth (u M) h))
       ((1 + both (INR (b - 1) * u M) (growth (u M) h)) * (INR (N - 2) * flush M)) N (without k w) c.
Proof.
  intros M N k w b h t c HM Hp B H. unfold sums. generalize (blocked_error M w b h t HM B c H).
  rewrite abs_without, !(others_total N k t _ Hp). apply Permutation_length in Hp. cbn in Hp.
  rewrite seq_length, leaves_additions in Hp. replace (N - 2)%nat with (additions t) by lia. auto.
Qed.

(* Blocks of one term are leaves: every tree of height at most h. *)
Lemma blocked_one : forall h t, (height t <= h)%nat -> blocked 1 h t.
Proof.
  induction h as [|h IH]; intros t Ht.
  - destruct t as [i|a b]; cbn in Ht; [|lia]. apply blocked_block. cbn. lia.
  - destruct t as [i|a b]; cbn in Ht.
    + apply blocked_higher, IH. cbn. lia.
    + apply blocked_node; apply IH; lia.
Qed.

(* Purely pairwise: gamma = (1 + u)^h - 1 for a tree of height at most h. *)
Theorem sum_pairwise_pure : forall M N w h t c, sound M -> Permutation (leaves t) (seq 1 N) -> (height t <= h)%nat ->
  tree_sum M w t c ->
  sums (growth (u M) h) ((1 + growth (u M) h) * (INR (N - 1) * flush M)) N w c.
Proof.
  intros M N w h t c HM Hp Hh H. replace (growth (u M) h) with (both (INR (1 - 1) * u M) (growth (u M) h)).
  - apply sum_pairwise with t; try assumption. apply blocked_one. exact Hh.
  - unfold both. cbn. ring.
Qed.

(* --------------------------------------------------------------------------------- what appears on the way *)

(* v is a number that appears in a run of the tree t that returns c: c itself, or in the run of a subtree. *)
Inductive passes (M : model) (w : nat -> R) : tree -> R -> R -> Prop :=
| passes_end : forall t c, tree_sum M w t c -> passes M w t c c
| passes_left : forall t1 t2 c1 c2 c v, passes M w t1 c1 v -> tree_sum M w t2 c2 -> adds_nearest M c1 c2 c ->
    passes M w (node t1 t2) c v
| passes_right : forall t1 t2 c1 c2 c v, tree_sum M w t1 c1 -> passes M w t2 c2 v -> adds_nearest M c1 c2 c ->
    passes M w (node t1 t2) c v.

(* What appears on the way is the sum of a tree with no more additions and no larger sum of absolute values. *)
Lemma passes_subtree : forall M w t c v, passes M w t c v -> exists t', tree_sum M w t' v /\
  (additions t' <= additions t)%nat /\
  tally (fun i => Rabs (w i)) (leaves t') <= tally (fun i => Rabs (w i)) (leaves t).
Proof.
  intros M w t c v H. induction H as [t c H|t1 t2 c1 c2 c v _ [t' [H [K E]]] _ _|t1 t2 c1 c2 c v _ _ [t' [H [K E]]] _].
  - exists t. repeat split; [exact H | lia | lra].
  - exists t'. repeat split; [exact H | cbn; lia|]. cbn [leaves]. rewrite tally_app.
    generalize (tally_abs_pos w (leaves t2)). lra.
  - exists t'. repeat split; [exact H | cbn; lia|]. cbn [leaves]. rewrite tally_app.
    generalize (tally_abs_pos w (leaves t1)). lra.
Qed.

(* Nothing that appears in a tree of k additions exceeds (1 + k u)(W + k flush). *)
Lemma passes_bounded : forall M w t c v, sound M -> passes M w t c v ->
  Rabs v <= (1 + INR (additions t) * u M) * tally (fun i => Rabs (w i)) (leaves t) +
  (1 + INR (additions t) * u M) * (INR (additions t) * flush M).
Proof.
  intros M w t c v HM H. destruct (passes_subtree M w t c v H) as [t' [H' [K E]]].
  assert (Hu : 0 <= u M) by (destruct HM; lra). assert (Hf : 0 <= flush M) by (unfold sound in HM; tauto).
  assert (B := tree_error_form M w t' v HM H'). assert (A := tally_abs w (leaves t')).
  assert (T := Rabs_triang (tally w (leaves t')) (v - tally w (leaves t'))).
  replace (tally w (leaves t') + (v - tally w (leaves t'))) with v in T by ring.
  apply le_INR in K. assert (P := pos_INR (additions t')). assert (Q := tally_abs_pos w (leaves t')).
  set (k' := INR (additions t')) in *. set (k := INR (additions t)) in *.
  set (W' := tally (fun i => Rabs (w i)) (leaves t')) in *. set (W := tally (fun i => Rabs (w i)) (leaves t)) in *.
  assert (F := Rmult_le_compat_r _ _ _ Hf K). assert (F' := Rmult_le_pos _ _ P Hf).
  assert (U := Rmult_le_compat_r _ _ _ Hu K). assert (U' := Rmult_le_pos _ _ P Hu).
  assert (I : (1 + k' * u M) * (W' + k' * flush M) <= (1 + k * u M) * (W + k * flush M))
    by (apply Rmult_le_compat; lra).
  lra.
Qed.

(* No overflow: all that appears in a sum of N numbers is at most (1 + gamma) times the sum of the absolute values, plus
   kappa, with the gamma and kappa of the sum in any order. *)
Theorem sum_bounded : forall M N w t c v, sound M -> Permutation (leaves t) (seq 1 N) -> passes M w t c v ->
  Rabs v <= (1 + INR (N - 1) * u M) * total N (fun i => Rabs (w i)) +
  (1 + INR (N - 1) * u M) * (INR (N - 1) * flush M).
Proof.
  intros M N w t c v HM Hp H. generalize (passes_bounded M w t c v HM H). rewrite !(entries_total N t _ Hp).
  apply additions_count in Hp. rewrite seq_length in Hp. rewrite Hp. auto.
Qed.

(* Of numbers that are not negative. *)
Theorem sum_bounded_nonnegative : forall M N w t c v, sound M -> Permutation (leaves t) (seq 1 N) ->
  (forall i, in_range N i -> 0 <= w i) -> passes M w t c v ->
  Rabs v <= (1 + INR (N - 1) * u M) * total N w + (1 + INR (N - 1) * u M) * (INR (N - 1) * flush M).
Proof.
  intros M N w t c v HM Hp Hw H. generalize (sum_bounded M N w t c v HM Hp H).
  rewrite (eq_total N (fun i => Rabs (w i)) w); [auto|]. intros i Hi. apply Rabs_pos_eq, Hw, Hi.
Qed.

(* The same without the entry k. *)
Theorem sum_others_bounded : forall M N k w t c v, sound M -> Permutation (k :: leaves t) (seq 1 N) ->
  passes M w t c v ->
  Rabs v <= (1 + INR (N - 2) * u M) * total N (fun i => Rabs (without k w i)) +
  (1 + INR (N - 2) * u M) * (INR (N - 2) * flush M).
Proof.
  intros M N k w t c v HM Hp H. generalize (passes_bounded M w t c v HM H).
  rewrite abs_without, !(others_total N k t _ Hp). apply Permutation_length in Hp. cbn in Hp.
  rewrite seq_length, leaves_additions in Hp. replace (N - 2)%nat with (additions t) by lia. auto.
Qed.

(* ---------------------------------------------------------------------------------------------- mixed formats *)

(* The sum of a multiple and a constant. *)
Lemma total_affine : forall N a b f, total N (fun i => a * f i + b) = a * total N f + INR N * b.
Proof.
  intros N a b f. induction N as [|n IH]; [cbn; ring|].
  change (total (S n) (fun i => a * f i + b)) with (total n (fun i => a * f i + b) + (a * f (S n) + b)).
  change (total (S n) f) with (total n f + f (S n)). rewrite IH, S_INR. ring.
Qed.

(* The absolute value of a sum over 1 .. N. *)
Lemma total_abs : forall N f, Rabs (total N f) <= total N (fun i => Rabs (f i)).
Proof. intros N f. rewrite !total_tally. apply tally_abs. Qed.

(* The difference of two sums. *)
Lemma total_difference : forall N f g, total N f - total N g = total N (fun i => f i - g i).
Proof. intros N f g. induction N as [|n IH]; cbn [total]; [ring | rewrite <- IH; ring]. Qed.

(* Terms rounded to a format of unit roundoff v, summed there, and the sum rounded to the working format. *)
Theorem sum_mixed : forall N w w' s r v e gamma kappa p f, 0 <= gamma -> 0 <= p ->
  (forall i, in_range N i -> Rabs (w' i - w i) <= v * Rabs (w i) + e) -> sums gamma kappa N w' s ->
  Rabs (r - s) <= p * Rabs s + f ->
  sums (both (both v gamma) p) ((1 + p) * ((1 + gamma) * (INR N * e) + kappa) + f) N w r.
Proof.
  intros N w w' s r v e gamma kappa p f Hg Hp Hw Hs Hr. unfold sums in *.
  destruct N as [|n].
  { cbn in *. unfold both. rewrite Rminus_0_r in *. generalize (Rabs_triang s (r - s)) (Rmult_le_compat_l p _ _ Hp Hs).
    replace (s + (r - s)) with r by ring. lra. }
  set (N := S n) in *. assert (HN : (1 <= N)%nat) by (unfold N; lia).
  set (W := total N (fun i => Rabs (w i))) in *. set (W' := total N (fun i => Rabs (w' i))) in *.
  assert (D : Rabs (total N w' - total N w) <= v * W + INR N * e).
  { rewrite total_difference. unfold W. rewrite <- total_affine.
    apply Rle_trans with (1 := total_abs _ _), le_total; [exact HN | exact Hw]. }
  assert (HW : W' <= (1 + v) * W + INR N * e).
  { unfold W', W. rewrite <- total_affine. apply le_total; [exact HN|]. intros i Hi. specialize (Hw i Hi).
    generalize (Rabs_triang (w i) (w' i - w i)). replace (w i + (w' i - w i)) with (w' i) by ring. lra. }
  assert (A : Rabs (total N w) <= W) by apply total_abs.
  assert (E : Rabs (s - total N w) <= both v gamma * W + (1 + gamma) * (INR N * e) + kappa).
  { generalize (Rabs_triang (s - total N w') (total N w' - total N w)) (Rmult_le_compat_l gamma _ _ Hg HW).
    replace (s - total N w' + (total N w' - total N w)) with (s - total N w) by ring. unfold both. lra. }
  assert (T := Rabs_triang (total N w) (s - total N w)).
  replace (total N w + (s - total N w)) with s in T by ring.
  assert (T' : p * Rabs s <= p * (W + (both v gamma * W + (1 + gamma) * (INR N * e) + kappa)))
    by (apply Rmult_le_compat_l; lra).
  generalize (Rabs_triang (r - s) (s - total N w)). replace (r - s + (s - total N w)) with (r - total N w) by ring.
  unfold both in *. lra.
Qed.

(* The same without the entry k. *)
Theorem sum_others_mixed : forall N k w w' s r v e gamma kappa p f, 0 <= gamma -> 0 <= p -> 0 <= e ->
  (forall i, in_range N i -> Rabs (w' i - w i) <= v * Rabs (w i) + e) -> sums gamma kappa N (without k w') s ->
  Rabs (r - s) <= p * Rabs s + f ->
  sums (both (both v gamma) p) ((1 + p) * ((1 + gamma) * (INR N * e) + kappa) + f) N (without k w) r.
Proof.
  intros N k w w' s r v e gamma kappa p f Hg Hp He Hw Hs Hr. apply sum_mixed with (without k w') s; try assumption.
  intros i Hi. unfold without. destruct (Nat.eqb i k); [|apply Hw; exact Hi].
  rewrite Rminus_0_r, Rabs_R0. lra.
Qed.

(* ------------------------------------------------------------------------------------------------ compensated *)

(* A run of the compensated sum: s_i are the partial sums and q_i what their additions lost, exactly; e is a computed
   sum of the q_i, in any order, and r is s_N + e rounded. The q_i are those of rounding to nearest. *)
Definition run_compensated (M : model) (N : nat) (x s q : nat -> R) (e r : R) : Prop :=
  s 1%nat = x 1%nat /\
  (forall i, (1 <= i < N)%nat -> s (S i) + q (S i) = s i + x (S i) /\ Rabs (q (S i)) <= u M * Rabs (s i + x (S i))) /\
  sums_others M N 1 q e /\ Rabs (r - (s N + e)) <= u M * Rabs (s N + e).

(* Nothing is lost: a partial sum and what was lost up to it are the exact sum. *)
Lemma compensated_exact : forall M N x s q e r, run_compensated M N x s q e r -> forall n, (1 <= n <= N)%nat ->
  s n + total n (without 1 q) = total n x.
Proof.
  intros M N x s q e r [H1 [H _]] n. induction n as [|n IH]; [lia|]. intro Hn. destruct n as [|n].
  - cbn. rewrite H1. unfold without. cbn. ring.
  - change (total (S (S n)) (without 1 q)) with (total (S n) (without 1 q) + q (S (S n))).
    change (total (S (S n)) x) with (total (S n) x + x (S (S n))). rewrite <- IH by lia.
    destruct (H (S n)) as [E _]; [lia|]. lra.
Qed.

(* An addition of the run in terms of what was lost before. *)
Lemma compensated_step : forall M N x s q e r, sound M -> run_compensated M N x s q e r ->
  forall n, (1 <= n < N)%nat ->
  Rabs (q (S n)) <= u M * (total n (fun i => Rabs (x i)) + total n (fun i => Rabs (without 1 q i)) + Rabs (x (S n))).
Proof.
  intros M N x s q e r HM H n Hn. assert (E := compensated_exact M N x s q e r H n).
  destruct H as [_ [H _]]. destruct (H n Hn) as [_ B]. apply Rle_trans with (1 := B).
  apply Rmult_le_compat_l; [destruct HM; lra|].
  replace (s n) with (total n x - total n (without 1 q)) by (rewrite <- E; [ring | lia]).
  generalize (total_abs n x) (total_abs n (without 1 q)) (Rabs_triang (total n x - total n (without 1 q)) (x (S n)))
    (Rabs_triang (total n x) (- total n (without 1 q))). rewrite Rabs_Ropp. unfold Rminus. lra.
Qed.

(* All that was lost, from the bound relative to the exact result. *)
Lemma compensated_lost : forall M N x s q e r, sound M -> run_compensated M N x s q e r ->
  forall n, (1 <= n <= N)%nat ->
  total n (fun i => Rabs (without 1 q i)) <= growth (u M) (n - 1) * total n (fun i => Rabs (x i)).
Proof.
  intros M N x s q e r HM H n. assert (Hu : 0 <= u M) by (destruct HM; lra).
  induction n as [|n IH]; [lia|]. intro Hn. destruct n as [|n].
  - cbn. unfold without, growth. cbn. rewrite Rabs_R0. lra.
  - change (total (S (S n)) (fun i => Rabs (without 1 q i)))
      with (total (S n) (fun i => Rabs (without 1 q i)) + Rabs (q (S (S n)))).
    change (total (S (S n)) (fun i => Rabs (x i))) with (total (S n) (fun i => Rabs (x i)) + Rabs (x (S (S n)))).
    assert (B := compensated_step M N x s q e r HM H (S n)). specialize (IH ltac:(lia)). specialize (B ltac:(lia)).
    assert (G : 1 <= (1 + u M) ^ n) by (apply pow_R1_Rle; lra).
    replace (S (S n) - 1)%nat with (S n) by lia. replace (S n - 1)%nat with n in IH by lia.
    unfold growth in *. cbn [pow]. assert (P := Rabs_pos (x (S (S n)))).
    apply Rmult_le_compat_l with (r := 1 + u M) in IH; [|lra].
    assert (P1 := Rmult_le_pos _ _ Hu P).
    assert (P2 : 0 <= (1 + u M) * ((1 + u M) ^ n - 1) * Rabs (x (S (S n)))) by (repeat apply Rmult_le_pos; lra).
    lra.
Qed.

(* The same where no addition loses more than its new summand, as rounding to nearest does not: for every length. *)
Lemma compensated_lost_sharp : forall M N x s q e r, sound M -> run_compensated M N x s q e r ->
  (forall i, (1 <= i < N)%nat -> Rabs (q (S i)) <= Rabs (x (S i))) -> forall n, (1 <= n <= N)%nat ->
  total n (fun i => Rabs (without 1 q i)) <= INR (n - 1) * u M * total n (fun i => Rabs (x i)).
Proof.
  intros M N x s q e r HM H Hq n. assert (Hu : 0 <= u M) by (destruct HM; lra).
  induction n as [|n IH]; [lia|]. intro Hn. destruct n as [|n].
  - cbn. unfold without. cbn. rewrite Rabs_R0. lra.
  - change (total (S (S n)) (fun i => Rabs (without 1 q i)))
      with (total (S n) (fun i => Rabs (without 1 q i)) + Rabs (q (S (S n)))).
    change (total (S (S n)) (fun i => Rabs (x i))) with (total (S n) (fun i => Rabs (x i)) + Rabs (x (S (S n)))).
    assert (B := compensated_step M N x s q e r HM H (S n)). specialize (IH ltac:(lia)). specialize (B ltac:(lia)).
    specialize (Hq (S n) ltac:(lia)).
    replace (S (S n) - 1)%nat with (S n) by lia. replace (S n - 1)%nat with n in IH by lia.
    rewrite S_INR. assert (K := pos_INR n). assert (P := Rabs_pos (x (S (S n)))).
    assert (PW : 0 <= total (S n) (fun i => Rabs (x i))) by (rewrite total_tally; apply tally_abs_pos).
    set (W := total (S n) (fun i => Rabs (x i))) in *. set (Q := total (S n) (fun i => Rabs (without 1 q i))) in *.
    set (a := Rabs (x (S (S n)))) in *. set (k := INR n) in *. assert (P1 := Rmult_le_pos _ _ Hu P).
    assert (P2 := Rmult_le_pos _ _ K P1).
    destruct (Rle_or_lt a (u M * W)) as [S|S]; [lra|].
    assert (T : u M * Q <= u M * (k * a)).
    { apply Rmult_le_compat_l; [exact Hu|]. apply Rle_trans with (1 := IH). rewrite Rmult_assoc.
      apply Rmult_le_compat_l; lra. }
    lra.
Qed.

(* The error of the result from what was lost in all. *)
Lemma compensated_error : forall M N x s q e r B, sound M -> flush M = 0 -> (1 <= N)%nat ->
  run_compensated M N x s q e r ->
  total N (fun i => Rabs (without 1 q i)) <= B * total N (fun i => Rabs (x i)) ->
  sums (u M + (1 + u M) * (INR (N - 2) * u M) * B) 0 N x r.
Proof.
  intros M N x s q e r B HM Hf HN H HB. assert (Hu : 0 <= u M) by (destruct HM; lra).
  assert (E := compensated_exact M N x s q e r H N). specialize (E ltac:(lia)).
  destruct H as [_ [_ [He Hr]]]. apply sum_others_any_order_gradual in He; [|assumption|assumption]. unfold sums in *.
  apply Rmult_le_compat_l with (r := INR (N - 2) * u M) in HB; [|apply Rmult_le_pos; [apply pos_INR | exact Hu]].
  set (Q := total N (without 1 q)) in *. set (W := total N (fun i => Rabs (x i))) in *.
  assert (A : Rabs (total N x) <= W) by apply total_abs.
  assert (T : Rabs (s N + e) <= W + INR (N - 2) * u M * (B * W)).
  { replace (s N + e) with (total N x + (e - Q)) by (rewrite <- E; ring).
    generalize (Rabs_triang (total N x) (e - Q)). lra. }
  apply Rmult_le_compat_l with (r := u M) in T; [|exact Hu].
  replace (r - total N x) with ((r - (s N + e)) + (e - Q)) by (rewrite <- E; ring).
  generalize (Rabs_triang (r - (s N + e)) (e - Q)). lra.
Qed.

(* Where no addition loses more than its new summand: for every length. *)
Theorem sum_compensated_sharp : forall M N x s q e r, sound M -> flush M = 0 -> (1 <= N)%nat ->
  run_compensated M N x s q e r -> (forall i, (1 <= i < N)%nat -> Rabs (q (S i)) <= Rabs (x (S i))) ->
  sums (u M + (1 + u M) * (INR (N - 2) * u M) * (INR (N - 1) * u M)) 0 N x r.
Proof.
  intros M N x s q e r HM Hf HN H Hq. apply compensated_error with s q e; try assumption.
  apply compensated_lost_sharp with N s e r; try assumption. lia.
Qed.

(* (1 + p)^k - 1 is at most k p / (1 - k p). *)
Lemma growth_bound : forall p k, 0 <= p -> INR k * p < 1 -> growth p k <= INR k * p / (1 - INR k * p).
Proof.
  intros p k Hp Hk. assert (B : (1 + p) ^ k * (1 - INR k * p) <= 1).
  { clear Hk. induction k as [|k IH]; [cbn; lra|]. apply Rle_trans with (2 := IH). rewrite S_INR. cbn [pow].
    assert (P : 0 < (1 + p) ^ k) by (apply pow_lt; lra). rewrite (Rmult_comm (1 + p)), Rmult_assoc.
    apply Rmult_le_compat_l; [lra|]. assert (0 <= INR k * (p * p)) by (repeat apply Rmult_le_pos; auto using pos_INR).
    assert (0 <= p * p) by (apply Rmult_le_pos; lra). lra. }
  unfold growth. apply Rmult_le_reg_r with (1 - INR k * p); [lra|].
  replace (INR k * p / (1 - INR k * p) * (1 - INR k * p)) with (INR k * p) by (field; lra). lra.
Qed.

(* The compensated sum, as if computed with twice the digits: Ogita, Rump, Oishi. *)
Theorem sum_compensated : forall M N x s q e r, sound M -> flush M = 0 -> (1 <= N)%nat -> INR (N - 1) * u M < 1 ->
  run_compensated M N x s q e r ->
  sums (u M + (INR (N - 1) * u M / (1 - INR (N - 1) * u M)) ^ 2) 0 N x r.
Proof.
  intros M N x s q e r HM Hf HN Hk H. assert (Hu : 0 <= u M) by (destruct HM; lra).
  set (X := INR (N - 1) * u M / (1 - INR (N - 1) * u M)).
  assert (K := pos_INR (N - 1)). assert (KU := Rmult_le_pos _ _ K Hu).
  assert (HX : 0 <= X) by (apply Rmult_le_pos; [exact KU | left; apply Rinv_0_lt_compat; lra]).
  assert (G : growth (u M) (N - 1) <= X) by (apply growth_bound; assumption).
  assert (PW : 0 <= total N (fun i => Rabs (x i))) by (rewrite total_tally; apply tally_abs_pos).
  assert (L : total N (fun i => Rabs (without 1 q i)) <= X * total N (fun i => Rabs (x i))).
  { apply Rle_trans with (growth (u M) (N - 1) * total N (fun i => Rabs (x i))).
    - apply compensated_lost with N s e r; try assumption. lia.
    - apply Rmult_le_compat_r; assumption. }
  assert (F : (1 + u M) * (INR (N - 2) * u M) <= X).
  { destruct (Nat.eq_dec N 1) as [->|HN1]; [replace (INR (1 - 2)) with 0 by reflexivity; lra|].
    replace (INR (N - 2)) with (INR (N - 1) - 1)
      by (replace (N - 1)%nat with (S (N - 2)) by lia; rewrite S_INR; ring).
    assert (K1 : 1 <= INR (N - 1)) by (change 1 with (INR 1); apply le_INR; lia).
    set (k := INR (N - 1)) in *. apply Rmult_le_reg_r with (1 - k * u M); [lra|].
    unfold X. replace (k * u M / (1 - k * u M) * (1 - k * u M)) with (k * u M) by (field; lra).
    apply Rmult_le_compat_r with (r := u M) in K1; [|exact Hu]. assert (P := Rmult_le_pos _ _ Hu KU).
    assert (I : (1 + u M) * (1 - k * u M) <= 1) by lra.
    apply Rmult_le_compat_l with (r := (k - 1) * u M) in I; [lra|]. lra. }
  generalize (compensated_error M N x s q e r X HM Hf HN H L). unfold sums. intro Hs.
  apply Rle_trans with (1 := Hs). apply Rplus_le_compat_r, Rmult_le_compat_r; [exact PW|]. cbn [pow].
  generalize (Rmult_le_compat_r _ _ _ HX F). lra.
Qed.
