(* The rules of shiftproof.proofs.trusted, each proven from the axioms of the real numbers.

   A vector is a function nat -> R of which only the entries 1 .. N are read. A rule is the lemma of its name
   (exp-sub is rule_exp_sub), its side conditions are the lemma's hypotheses. Division by 0 and ln of what is not
   positive have values in Coq; no rule below says anything of them without a hypothesis that rules them out, or it
   holds for the values that Coq gives.

   Contents: definitions; what the definitions mean; the rules; steps at a position inside a term; smoothness;
   side conditions; counterexamples.

   Sources: Rudin, Principles of Mathematical Analysis (1976), chapters 5 and 8; Graham, Knuth, Patashnik, Concrete
   Mathematics (1994), section 2.3; Boyd, Vandenberghe, Convex Optimization (2004), section 3.1.5. *)

From Coq Require Import Reals Lra Lia List Permutation PeanoNat FunctionalExtensionality.
From Coquelicot Require Import Coquelicot.
From Interval Require Import Specific_ops Specific_stdz Tactic.
Open Scope R_scope.

(* Interval arithmetic on floats made of Coq's own integers, so that nothing of the machine's is trusted. *)
Module Floats := SpecificFloat StdZRadix2.
Module Exact := IntervalTactic Floats.
Import Exact.

(* ---------------------------------------------------------------------------------------------- definitions *)

(* k is an index. *)
Definition in_range (N k : nat) : Prop := (1 <= k <= N)%nat.

(* p permutes 1 .. N: it maps them among themselves and no two to one, so it also meets each. *)
Definition permutes (N : nat) (p : nat -> nat) : Prop :=
  (forall i, in_range N i -> in_range N (p i)) /\
  (forall i j, in_range N i -> in_range N j -> p i = p j -> i = j).

(* f 1 + f 2 + ... + f N. *)
Fixpoint total (N : nat) (f : nat -> R) : R :=
  match N with
  | O => 0
  | S n => total n f + f N
  end.

(* The maximum of f 1, f 2, ..., f N, where N >= 1. *)
Fixpoint largest (N : nat) (f : nat -> R) : R :=
  match N with
  | O => 0
  | S n => match n with
           | O => f N
           | S _ => Rmax (largest n f) (f N)
           end
  end.

(* Kronecker's delta. *)
Definition delta (j k : nat) : R := if Nat.eqb j k then 1 else 0.

(* The vector x with t in place of x_k. *)
Definition upd (x : nat -> R) (k : nat) (t : R) : nat -> R := fun i => if Nat.eqb i k then t else x i.

(* The derivative by x_k, and that there is one. *)
Definition partial (f : (nat -> R) -> R) (x : nat -> R) (k : nat) : R := Derive (fun t => f (upd x k t)) (x k).
Definition smooth (f : (nat -> R) -> R) (x : nat -> R) (k : nat) : Prop := ex_derive (fun t => f (upd x k t)) (x k).

(* --------------------------------------------------------------------------------- what the definitions mean *)

(* The sum is the one of the standard library. *)
Lemma total_is_sum_f : forall N f, (1 <= N)%nat -> total N f = sum_f 1 N f.
Proof.
  intros N f HN. unfold sum_f. destruct N as [|n]; [lia|]. clear HN.
  replace (S n - 1)%nat with n by lia.
  induction n as [|n IH]; [cbn; lra|].
  change (total (S (S n)) f) with (total (S n) f + f (S (S n))). rewrite IH. cbn [sum_f_R0].
  replace (S n + 1)%nat with (S (S n)) by lia. reflexivity.
Qed.

(* The maximum is an upper bound. *)
Lemma largest_bounds : forall N f k, in_range N k -> f k <= largest N f.
Proof.
  unfold in_range. intros N f k Hk. induction N as [|n IH]; [lia|].
  destruct n as [|n].
  - replace k with 1%nat by lia. apply Rle_refl.
  - change (largest (S (S n)) f) with (Rmax (largest (S n) f) (f (S (S n)))).
    destruct (Nat.eq_dec k (S (S n))) as [->|Hne]; [apply Rmax_r|].
    apply Rle_trans with (largest (S n) f); [apply IH; lia | apply Rmax_l].
Qed.

(* The maximum is one of the entries. *)
Lemma largest_attained : forall N f, (1 <= N)%nat -> exists k, in_range N k /\ largest N f = f k.
Proof.
  unfold in_range. intros N f HN. destruct N as [|n]; [lia|]. clear HN.
  induction n as [|n [k [Hk E]]]; [exists 1%nat; split; [lia | reflexivity]|].
  change (largest (S (S n)) f) with (Rmax (largest (S n) f) (f (S (S n)))).
  destruct (Rle_or_lt (largest (S n) f) (f (S (S n)))) as [H|H].
  - exists (S (S n)). split; [lia | apply Rmax_right; exact H].
  - exists k. split; [lia|]. rewrite Rmax_left by lra. exact E.
Qed.

(* The maximum is at most what no entry exceeds, and below what all entries are below. *)
Lemma largest_at_most : forall N f c, (1 <= N)%nat -> (forall i, in_range N i -> f i <= c) -> largest N f <= c.
Proof. intros N f c HN H. destruct (largest_attained N f HN) as [k [Hk ->]]. apply H. exact Hk. Qed.

(* A number is the maximum if it is an entry that none exceeds. *)
Lemma largest_unique : forall N f c,
  (exists k, in_range N k /\ f k = c) -> (forall i, in_range N i -> f i <= c) -> largest N f = c.
Proof.
  intros N f c [k [Hk <-]] H. apply Rle_antisym; [|apply largest_bounds; exact Hk].
  apply largest_at_most; [unfold in_range in Hk; lia | exact H].
Qed.

Lemma in_range_step : forall n i, in_range n i -> in_range (S n) i.
Proof. unfold in_range. lia. Qed.

Lemma in_range_last : forall n, in_range (S n) (S n).
Proof. unfold in_range. lia. Qed.

Lemma permutes_range : forall N p i, permutes N p -> in_range N i -> in_range N (p i).
Proof. intros N p i [H _]. apply H. Qed.

Lemma permutes_same : forall N, permutes N (fun i => i).
Proof. intro N. split; auto. Qed.

Lemma delta_cases : forall j k, delta j k = 0 \/ delta j k = 1.
Proof. intros j k. unfold delta. destruct (Nat.eqb j k); auto. Qed.

Lemma upd_same : forall x k, upd x k (x k) = x.
Proof.
  intros x k. apply functional_extensionality. intro i. unfold upd.
  destruct (Nat.eqb_spec i k) as [->|]; reflexivity.
Qed.

(* ----------------------------------------------------------------------------- equal parts make equal wholes *)

Lemma eq_neg : forall a b, a = b -> - a = - b.                           Proof. congruence. Qed.
Lemma eq_exp : forall a b, a = b -> exp a = exp b.                       Proof. congruence. Qed.
Lemma eq_log : forall a b, a = b -> ln a = ln b.                         Proof. congruence. Qed.
Lemma eq_abs : forall a b, a = b -> Rabs a = Rabs b.                     Proof. congruence. Qed.
Lemma eq_power : forall n a b, a = b -> a ^ n = b ^ n.                   Proof. congruence. Qed.
Lemma eq_power_minus : forall n a b, a = b -> / a ^ n = / b ^ n.         Proof. congruence. Qed.
Lemma eq_add_l : forall a b c, a = b -> a + c = b + c.                   Proof. congruence. Qed.
Lemma eq_add_r : forall a b c, a = b -> c + a = c + b.                   Proof. congruence. Qed.
Lemma eq_sub_l : forall a b c, a = b -> a - c = b - c.                   Proof. congruence. Qed.
Lemma eq_sub_r : forall a b c, a = b -> c - a = c - b.                   Proof. congruence. Qed.
Lemma eq_mul_l : forall a b c, a = b -> a * c = b * c.                   Proof. congruence. Qed.
Lemma eq_mul_r : forall a b c, a = b -> c * a = c * b.                   Proof. congruence. Qed.
Lemma eq_div_l : forall a b c, a = b -> a / c = b / c.                   Proof. congruence. Qed.
Lemma eq_div_r : forall a b c, a = b -> c / a = c / b.                   Proof. congruence. Qed.
Lemma eq_max_l : forall a b c, a = b -> Rmax a c = Rmax b c.             Proof. congruence. Qed.
Lemma eq_max_r : forall a b c, a = b -> Rmax c a = Rmax c b.             Proof. congruence. Qed.

Lemma eq_total : forall N f g, (forall i, in_range N i -> f i = g i) -> total N f = total N g.
Proof.
  intros N f g. induction N as [|n IH]; intro H; [reflexivity|]. cbn [total].
  rewrite IH by (intros; apply H, in_range_step; assumption). rewrite H by apply in_range_last. reflexivity.
Qed.

Lemma eq_largest : forall N f g, (forall i, in_range N i -> f i = g i) -> largest N f = largest N g.
Proof.
  intros N f g H. destruct N as [|n]; [reflexivity|].
  destruct (largest_attained (S n) g) as [k [Hk E]]; [lia|].
  apply largest_unique.
  - exists k. split; [exact Hk|]. rewrite H by exact Hk. symmetry. exact E.
  - intros i Hi. rewrite H by exact Hi. apply largest_bounds. exact Hi.
Qed.

Lemma eq_partial : forall f g x k, (forall y, f y = g y) -> partial f x k = partial g x k.
Proof. intros f g x k H. unfold partial. apply Derive_ext. intro t. apply H. Qed.

(* ------------------------------------------------------------- inequalities of parts, inequalities of wholes *)

Lemma le_neg : forall a b, b <= a -> - a <= - b.                         Proof. intros; lra. Qed.
Lemma le_add_l : forall a b c, a <= b -> a + c <= b + c.                 Proof. intros; lra. Qed.
Lemma le_add_r : forall a b c, a <= b -> c + a <= c + b.                 Proof. intros; lra. Qed.
Lemma le_sub_l : forall a b c, a <= b -> a - c <= b - c.                 Proof. intros; lra. Qed.
Lemma le_sub_r : forall a b c, b <= a -> c - a <= c - b.                 Proof. intros; lra. Qed.
Lemma lt_neg : forall a b, b < a -> - a < - b.                           Proof. intros; lra. Qed.
Lemma lt_add_l : forall a b c, a < b -> a + c < b + c.                   Proof. intros; lra. Qed.
Lemma lt_add_r : forall a b c, a < b -> c + a < c + b.                   Proof. intros; lra. Qed.
Lemma lt_sub_l : forall a b c, a < b -> a - c < b - c.                   Proof. intros; lra. Qed.
Lemma lt_sub_r : forall a b c, b < a -> c - a < c - b.                   Proof. intros; lra. Qed.

Lemma lt_exp : forall a b, a < b -> exp a < exp b.
Proof. exact exp_increasing. Qed.

Lemma le_exp : forall a b, a <= b -> exp a <= exp b.
Proof. intros a b [H| ->]; [left; apply exp_increasing; exact H | apply Rle_refl]. Qed.

Lemma lt_log : forall a b, 0 < a -> a < b -> ln a < ln b.
Proof. exact ln_increasing. Qed.

Lemma le_log : forall a b, 0 < a -> a <= b -> ln a <= ln b.
Proof. intros a b Ha [H| ->]; [left; apply ln_increasing; assumption | apply Rle_refl]. Qed.

Lemma le_mul_l : forall a b c, 0 <= c -> a <= b -> a * c <= b * c.
Proof. intros. apply Rmult_le_compat_r; assumption. Qed.

Lemma le_mul_r : forall a b c, 0 <= c -> a <= b -> c * a <= c * b.
Proof. intros. apply Rmult_le_compat_l; assumption. Qed.

Lemma lt_mul_l : forall a b c, 0 < c -> a < b -> a * c < b * c.
Proof. intros. apply Rmult_lt_compat_r; assumption. Qed.

Lemma lt_mul_r : forall a b c, 0 < c -> a < b -> c * a < c * b.
Proof. intros. apply Rmult_lt_compat_l; assumption. Qed.

Lemma le_div_l : forall a b c, 0 < c -> a <= b -> a / c <= b / c.
Proof. intros a b c Hc H. apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; exact Hc | exact H]. Qed.

Lemma lt_div_l : forall a b c, 0 < c -> a < b -> a / c < b / c.
Proof. intros a b c Hc H. apply Rmult_lt_compat_r; [apply Rinv_0_lt_compat; exact Hc | exact H]. Qed.

Lemma le_total : forall N f g, (1 <= N)%nat -> (forall i, in_range N i -> f i <= g i) -> total N f <= total N g.
Proof.
  intros N f g _. induction N as [|n IH]; intro H; [apply Rle_refl|]. cbn [total]. apply Rplus_le_compat.
  - apply IH. intros i Hi. apply H, in_range_step, Hi.
  - apply H, in_range_last.
Qed.

Lemma lt_total : forall N f g, (1 <= N)%nat -> (forall i, in_range N i -> f i < g i) -> total N f < total N g.
Proof.
  intros N f g HN H. destruct N as [|n]; [lia|]. cbn [total]. apply Rplus_le_lt_compat.
  - destruct n as [|n]; [apply Rle_refl|].
    apply le_total; [lia|]. intros i Hi. left. apply H, in_range_step, Hi.
  - apply H, in_range_last.
Qed.

Lemma le_largest : forall N f g, (1 <= N)%nat -> (forall i, in_range N i -> f i <= g i) -> largest N f <= largest N g.
Proof.
  intros N f g HN H. apply largest_at_most; [exact HN|]. intros i Hi.
  apply Rle_trans with (g i); [apply H; exact Hi | apply largest_bounds; exact Hi].
Qed.

Lemma lt_largest : forall N f g, (1 <= N)%nat -> (forall i, in_range N i -> f i < g i) -> largest N f < largest N g.
Proof.
  intros N f g HN H. destruct (largest_attained N f HN) as [k [Hk ->]].
  apply Rlt_le_trans with (g k); [apply H; exact Hk | apply largest_bounds; exact Hk].
Qed.

(* ------------------------------------------------------------------------------------------ chains of steps *)

Lemma then_eq_eq : forall a b c : R, a = b -> b = c -> a = c.            Proof. congruence. Qed.
Lemma then_eq_le : forall a b c : R, a = b -> b <= c -> a <= c.          Proof. intros; lra. Qed.
Lemma then_eq_lt : forall a b c : R, a = b -> b < c -> a < c.            Proof. intros; lra. Qed.
Lemma then_le_eq : forall a b c : R, a <= b -> b = c -> a <= c.          Proof. intros; lra. Qed.
Lemma then_le_le : forall a b c : R, a <= b -> b <= c -> a <= c.         Proof. intros; lra. Qed.
Lemma then_le_lt : forall a b c : R, a <= b -> b < c -> a < c.           Proof. intros; lra. Qed.
Lemma then_lt_eq : forall a b c : R, a < b -> b = c -> a < c.            Proof. intros; lra. Qed.
Lemma then_lt_le : forall a b c : R, a < b -> b <= c -> a < c.           Proof. intros; lra. Qed.
Lemma then_lt_lt : forall a b c : R, a < b -> b < c -> a < c.            Proof. intros; lra. Qed.

(* ------------------------------------------------------------------------------------- rules: exp and the log *)

Lemma rule_exp_add : forall A B, exp (A + B) = exp A * exp B.
Proof. exact exp_plus. Qed.

Lemma rule_exp_sub : forall A B, exp (A - B) = exp A / exp B.
Proof. intros A B. unfold Rminus, Rdiv. rewrite exp_plus, exp_Ropp. reflexivity. Qed.

Lemma rule_exp_neg : forall A, exp (- A) = 1 / exp A.
Proof. intro A. unfold Rdiv. rewrite exp_Ropp, Rmult_1_l. reflexivity. Qed.

Lemma rule_exp_zero : exp 0 = 1.
Proof. exact exp_0. Qed.

(* The exponent is an integer literal z; a negative power is the inverse of a positive one. *)
Lemma rule_exp_power : forall (n : nat) A, exp A ^ n = exp (IZR (Z.of_nat n) * A).
Proof.
  intros n A. rewrite <- INR_IZR_INZ. induction n as [|n IH].
  - cbn. rewrite Rmult_0_l, exp_0. reflexivity.
  - rewrite S_INR. cbn [pow]. rewrite IH, <- exp_plus. f_equal. ring.
Qed.

Lemma rule_exp_power_minus : forall (n : nat) A, / exp A ^ n = exp (IZR (- Z.of_nat n) * A).
Proof. intros n A. rewrite rule_exp_power, <- exp_Ropp, opp_IZR. f_equal. ring. Qed.

Lemma rule_log_exp : forall A, ln (exp A) = A.
Proof. exact ln_exp. Qed.

Lemma rule_exp_log : forall A, 0 < A -> exp (ln A) = A.
Proof. exact exp_ln. Qed.

Lemma rule_log_mul : forall A B, 0 < A -> 0 < B -> ln (A * B) = ln A + ln B.
Proof. exact ln_mult. Qed.

Lemma rule_log_div : forall A B, 0 < A -> 0 < B -> ln (A / B) = ln A - ln B.
Proof.
  intros A B HA HB. unfold Rdiv. rewrite ln_mult by (try apply Rinv_0_lt_compat; assumption).
  rewrite ln_Rinv by exact HB. reflexivity.
Qed.

Lemma rule_log_power : forall (n : nat) A, 0 < A -> ln (A ^ n) = IZR (Z.of_nat n) * ln A.
Proof. intros n A HA. rewrite <- INR_IZR_INZ. apply ln_pow. exact HA. Qed.

Lemma rule_log_power_minus : forall (n : nat) A, 0 < A -> ln (/ A ^ n) = IZR (- Z.of_nat n) * ln A.
Proof.
  intros n A HA. rewrite ln_Rinv by (apply pow_lt; exact HA). rewrite rule_log_power by exact HA.
  rewrite opp_IZR. ring.
Qed.

Lemma rule_log_one : ln 1 = 0.
Proof. exact ln_1. Qed.

(* --------------------------------------------------------------------------------------------- rules: sums *)

Lemma rule_sum_add : forall N F G, total N (fun i => F i + G i) = total N F + total N G.
Proof. intros N F G. induction N as [|n IH]; cbn [total]; [ring|]. rewrite IH. ring. Qed.

Lemma rule_sum_sub : forall N F G, total N (fun i => F i - G i) = total N F - total N G.
Proof. intros N F G. induction N as [|n IH]; cbn [total]; [ring|]. rewrite IH. ring. Qed.

Lemma rule_sum_factor : forall N C F, total N (fun i => C * F i) = C * total N F.
Proof. intros N C F. induction N as [|n IH]; cbn [total]; [ring|]. rewrite IH. ring. Qed.

Lemma rule_sum_constant : forall N C, total N (fun _ => C) = INR N * C.
Proof. intros N C. induction N as [|n IH]; [cbn; ring|]. rewrite S_INR. cbn [total]. rewrite IH. ring. Qed.

Lemma rule_sum_delta : forall N F k, in_range N k -> total N (fun i => delta i k * F i) = F k.
Proof.
  unfold in_range. intros N F k. induction N as [|n IH]; intro Hk; [lia|]. cbn [total].
  destruct (Nat.eq_dec k (S n)) as [->|Hne].
  - replace (total n (fun i => delta i (S n) * F i)) with 0.
    { unfold delta. rewrite Nat.eqb_refl. ring. }
    transitivity (total n (fun _ => 0)); [rewrite rule_sum_constant; ring|].
    apply eq_total. unfold in_range, delta. intros i Hi.
    destruct (Nat.eqb_spec i (S n)); [lia | ring].
  - rewrite IH by lia. unfold delta. destruct (Nat.eqb_spec (S n) k); [lia | ring].
Qed.

(* A sum does not depend on the order: as a sum over the list 1 .. N, of which the permuted list is a permutation. *)
Lemma total_is_list_sum : forall N f, total N f = fold_right Rplus 0 (map f (seq 1 N)).
Proof.
  intros N f.
  assert (app : forall l m, fold_right Rplus 0 (l ++ m) = fold_right Rplus 0 l + fold_right Rplus 0 m).
  { intros l m. induction l as [|a l IH]; cbn; [ring | rewrite IH; ring]. }
  induction N as [|n IH]; [reflexivity|].
  rewrite seq_S, map_app, app. cbn [total map fold_right]. rewrite IH. cbn. ring.
Qed.

Lemma list_sum_permutes : forall l m, Permutation l m -> fold_right Rplus 0 l = fold_right Rplus 0 m.
Proof. intros l m H. induction H; cbn; try rewrite IHPermutation; try ring. congruence. Qed.

Lemma rule_sum_permute : forall N p F, permutes N p -> total N (fun i => F (p i)) = total N F.
Proof.
  intros N p F [into one_to_one]. rewrite !total_is_list_sum, <- (map_map p F).
  apply list_sum_permutes, Permutation_map. apply NoDup_Permutation_bis.
  - assert (H : forall l, (forall i, In i l -> in_range N i) -> NoDup l -> NoDup (map p l)).
    { induction l as [|a l IH]; intros Hl Hd; [constructor|]. inversion Hd as [|? ? Ha Hd']. cbn. constructor.
      - intro Hin. apply in_map_iff in Hin. destruct Hin as [b [E Hb]]. apply Ha.
        rewrite <- (one_to_one b a); [exact Hb | apply Hl; right; exact Hb | apply Hl; left; reflexivity | exact E].
      - apply IH; [intros; apply Hl; right; assumption | exact Hd']. }
    apply H; [|apply seq_NoDup]. intros i Hi. apply in_seq in Hi. unfold in_range. lia.
  - rewrite map_length. apply Nat.le_refl.
  - intros a Ha. apply in_map_iff in Ha. destruct Ha as [b [<- Hb]]. apply in_seq in Hb.
    apply in_seq. assert (Hp : in_range N (p b)) by (apply into; unfold in_range; lia). unfold in_range in Hp. lia.
Qed.

Lemma rule_delta_same : forall k, delta k k = 1.
Proof. intro k. unfold delta. rewrite Nat.eqb_refl. reflexivity. Qed.

Lemma rule_delta_symmetric : forall j k, delta j k = delta k j.
Proof. intros j k. unfold delta. rewrite Nat.eqb_sym. reflexivity. Qed.

(* ------------------------------------------------------------------------------------------- rules: maxima *)

(* What increases carries the maximum to the maximum. *)
Lemma largest_increasing : forall N g F, (1 <= N)%nat -> (forall a b, a <= b -> g a <= g b) ->
  largest N (fun i => g (F i)) = g (largest N F).
Proof.
  intros N g F HN H. destruct (largest_attained N F HN) as [k [Hk E]]. apply largest_unique.
  - exists k. split; [exact Hk|]. rewrite E. reflexivity.
  - intros i Hi. apply H, largest_bounds, Hi.
Qed.

Lemma rule_largest_exp : forall N F, (1 <= N)%nat -> largest N (fun i => exp (F i)) = exp (largest N F).
Proof. intros N F HN. apply largest_increasing; [exact HN | exact le_exp]. Qed.

Lemma rule_largest_add : forall N F C, (1 <= N)%nat -> largest N (fun i => F i + C) = largest N F + C.
Proof. intros N F C HN. apply (largest_increasing N (fun a => a + C)); [exact HN | intros; lra]. Qed.

Lemma rule_largest_sub : forall N F C, (1 <= N)%nat -> largest N (fun i => F i - C) = largest N F - C.
Proof. intros N F C HN. apply (largest_increasing N (fun a => a - C)); [exact HN | intros; lra]. Qed.

Lemma rule_largest_constant : forall N C, (1 <= N)%nat -> largest N (fun _ => C) = C.
Proof. intros N C HN. apply (largest_increasing N (fun _ => C) (fun _ => 0)); [exact HN | intros; lra]. Qed.

Lemma rule_entry_at_most_largest : forall N F k, in_range N k -> F k <= largest N F.
Proof. exact largest_bounds. Qed.

Lemma rule_entry_at_most_sum : forall N F k, in_range N k -> (forall i, in_range N i -> 0 <= F i) -> F k <= total N F.
Proof.
  unfold in_range. intros N F k. induction N as [|n IH]; intros Hk H; [lia|]. cbn [total].
  destruct (Nat.eq_dec k (S n)) as [->|Hne].
  - assert (0 <= total n F); [|lra]. replace 0 with (total n (fun _ => 0)) by (rewrite rule_sum_constant; ring).
    destruct n as [|n]; [apply Rle_refl|].
    apply le_total; [lia|]. unfold in_range. intros i Hi. apply H. lia.
  - assert (F k <= total n F) by (apply IH; [lia | intros; apply H; lia]).
    assert (0 <= F (S n)) by (apply H; lia). lra.
Qed.

Lemma rule_largest_at_most_sum : forall N F, (1 <= N)%nat -> (forall i, in_range N i -> 0 <= F i) ->
  largest N F <= total N F.
Proof.
  intros N F HN H. destruct (largest_attained N F HN) as [k [Hk ->]]. apply rule_entry_at_most_sum; assumption.
Qed.

Lemma rule_sum_at_most_largest : forall N F, (1 <= N)%nat -> total N F <= INR N * largest N F.
Proof.
  intros N F HN. rewrite <- rule_sum_constant. apply le_total; [exact HN|]. intros i Hi. apply largest_bounds, Hi.
Qed.

Lemma rule_max_first : forall A B, B <= A -> Rmax A B = A.
Proof. intros. apply Rmax_left. assumption. Qed.

Lemma rule_max_second : forall A B, A <= B -> Rmax A B = B.
Proof. intros. apply Rmax_right. assumption. Qed.

Lemma rule_max_commutes : forall A B, Rmax A B = Rmax B A.
Proof. exact Rmax_comm. Qed.

Lemma rule_max_associates : forall A B C, Rmax (Rmax A B) C = Rmax A (Rmax B C).
Proof. intros. symmetry. apply Rmax_assoc. Qed.

Lemma rule_abs_above : forall A, 0 <= A -> Rabs A = A.
Proof. intros. apply Rabs_pos_eq. assumption. Qed.

Lemma rule_abs_below : forall A, A <= 0 -> Rabs A = - A.
Proof. exact Rabs_left1. Qed.

Lemma rule_positive : forall A, 0 < A -> 0 < A.
Proof. intros A H. exact H. Qed.

(* The tangent at the mean m lies below: e^z >= e^m (1 + z - m). *)
Lemma rule_exp_convex : forall A B C, 0 <= A -> A <= 1 -> exp (A * B + (1 - A) * C) <= A * exp B + (1 - A) * exp C.
Proof.
  intros A B C H0 H1. set (m := A * B + (1 - A) * C).
  assert (tangent : forall z, exp m * (1 + (z - m)) <= exp z).
  { intro z. replace (exp z) with (exp m * exp (z - m)) by (rewrite <- exp_plus; f_equal; ring).
    apply Rmult_le_compat_l; [left; apply exp_pos | apply exp_ineq1_le]. }
  assert (HB : A * (exp m * (1 + (B - m))) <= A * exp B) by (apply Rmult_le_compat_l; [lra | apply tangent]).
  assert (HC : (1 - A) * (exp m * (1 + (C - m))) <= (1 - A) * exp C)
    by (apply Rmult_le_compat_l; [lra | apply tangent]).
  replace (exp m) with (A * (exp m * (1 + (B - m))) + (1 - A) * (exp m * (1 + (C - m)))) by (unfold m; ring).
  lra.
Qed.

(* --------------------------------------------------------------------------------------- rules: derivatives *)

Lemma smooth_constant : forall c x k, smooth (fun _ => c) x k.
Proof. intros. unfold smooth. apply ex_derive_const. Qed.

Lemma smooth_entry : forall j x k, smooth (fun y => y j) x k.
Proof.
  intros j x k. unfold smooth, upd. destruct (Nat.eqb j k); [apply ex_derive_id | apply ex_derive_const].
Qed.

Lemma smooth_neg : forall A x k, smooth A x k -> smooth (fun y => - A y) x k.
Proof. unfold smooth. intros A x k H. exact (ex_derive_opp (fun t => A (upd x k t)) _ H). Qed.

Lemma smooth_add : forall A B x k, smooth A x k -> smooth B x k -> smooth (fun y => A y + B y) x k.
Proof.
  unfold smooth. intros A B x k HA HB.
  exact (ex_derive_plus (fun t => A (upd x k t)) (fun t => B (upd x k t)) _ HA HB).
Qed.

Lemma smooth_sub : forall A B x k, smooth A x k -> smooth B x k -> smooth (fun y => A y - B y) x k.
Proof.
  unfold smooth. intros A B x k HA HB.
  exact (ex_derive_minus (fun t => A (upd x k t)) (fun t => B (upd x k t)) _ HA HB).
Qed.

Lemma smooth_mul : forall A B x k, smooth A x k -> smooth B x k -> smooth (fun y => A y * B y) x k.
Proof.
  unfold smooth. intros A B x k HA HB.
  exact (ex_derive_mult (fun t => A (upd x k t)) (fun t => B (upd x k t)) _ HA HB).
Qed.

Lemma smooth_div : forall A B x k, smooth A x k -> smooth B x k -> B x <> 0 -> smooth (fun y => A y / B y) x k.
Proof.
  unfold smooth. intros A B x k HA HB H0.
  apply (ex_derive_div (fun t => A (upd x k t)) (fun t => B (upd x k t)) _ HA HB). rewrite upd_same. exact H0.
Qed.

Lemma smooth_power : forall n A x k, smooth A x k -> smooth (fun y => A y ^ n) x k.
Proof. unfold smooth. intros n A x k HA. exact (ex_derive_pow (fun t => A (upd x k t)) n _ HA). Qed.

Lemma smooth_power_minus : forall n A x k, smooth A x k -> A x <> 0 -> smooth (fun y => / A y ^ n) x k.
Proof.
  unfold smooth. intros n A x k HA H0. apply (ex_derive_inv (fun t => A (upd x k t) ^ n)).
  - exact (ex_derive_pow (fun t => A (upd x k t)) n _ HA).
  - rewrite upd_same. apply pow_nonzero. exact H0.
Qed.

Lemma smooth_exp : forall A x k, smooth A x k -> smooth (fun y => exp (A y)) x k.
Proof.
  unfold smooth. intros A x k HA. apply (ex_derive_comp exp (fun t => A (upd x k t))); [|exact HA].
  eexists. apply is_derive_exp.
Qed.

Lemma smooth_log : forall A x k, smooth A x k -> 0 < A x -> smooth (fun y => ln (A y)) x k.
Proof.
  unfold smooth. intros A x k HA H0. apply (ex_derive_comp ln (fun t => A (upd x k t))); [|exact HA].
  eexists. apply is_derive_ln. rewrite upd_same. exact H0.
Qed.

Lemma smooth_total : forall N (F : (nat -> R) -> nat -> R) x k,
  (forall i, in_range N i -> smooth (fun y => F y i) x k) -> smooth (fun y => total N (F y)) x k.
Proof.
  intros N F x k. induction N as [|n IH]; intro H.
  - apply (smooth_constant 0).
  - apply (smooth_add (fun y => total n (F y)) (fun y => F y (S n))).
    + apply IH. intros i Hi. apply H, in_range_step, Hi.
    + apply H, in_range_last.
Qed.

Lemma rule_derivative_constant : forall A x k, partial (fun _ => A) x k = 0.
Proof. intros. unfold partial. apply Derive_const. Qed.

Lemma rule_derivative_entry : forall j x k, partial (fun y => y j) x k = delta j k.
Proof. intros j x k. unfold partial, upd, delta. destruct (Nat.eqb j k); [apply Derive_id | apply Derive_const]. Qed.

Lemma rule_derivative_add : forall A B x k, smooth A x k -> smooth B x k ->
  partial (fun y => A y + B y) x k = partial A x k + partial B x k.
Proof.
  unfold smooth, partial. intros A B x k HA HB.
  exact (Derive_plus (fun t => A (upd x k t)) (fun t => B (upd x k t)) _ HA HB).
Qed.

Lemma rule_derivative_sub : forall A B x k, smooth A x k -> smooth B x k ->
  partial (fun y => A y - B y) x k = partial A x k - partial B x k.
Proof.
  unfold smooth, partial. intros A B x k HA HB.
  exact (Derive_minus (fun t => A (upd x k t)) (fun t => B (upd x k t)) _ HA HB).
Qed.

Lemma rule_derivative_mul : forall A B x k, smooth A x k -> smooth B x k ->
  partial (fun y => A y * B y) x k = partial A x k * B x + A x * partial B x k.
Proof.
  unfold smooth, partial. intros A B x k HA HB.
  rewrite (Derive_mult (fun t => A (upd x k t)) (fun t => B (upd x k t)) _ HA HB), upd_same. reflexivity.
Qed.

Lemma rule_derivative_div : forall A B x k, smooth A x k -> smooth B x k -> B x <> 0 ->
  partial (fun y => A y / B y) x k = (partial A x k * B x - A x * partial B x k) / (B x * B x).
Proof.
  unfold smooth, partial. intros A B x k HA HB H0.
  rewrite (Derive_div (fun t => A (upd x k t)) (fun t => B (upd x k t)) _ HA HB); rewrite upd_same; [|exact H0].
  field. exact H0.
Qed.

Lemma rule_derivative_exp : forall A x k, smooth A x k ->
  partial (fun y => exp (A y)) x k = exp (A x) * partial A x k.
Proof.
  unfold smooth, partial. intros A x k HA.
  rewrite (Derive_comp exp (fun t => A (upd x k t)) _); [|eexists; apply is_derive_exp | exact HA].
  rewrite (is_derive_unique _ _ _ (is_derive_exp _)), upd_same. ring.
Qed.

Lemma rule_derivative_log : forall A x k, smooth A x k -> 0 < A x ->
  partial (fun y => ln (A y)) x k = partial A x k / A x.
Proof.
  unfold smooth, partial. intros A x k HA H0.
  assert (H : 0 < A (upd x k (x k))) by (rewrite upd_same; exact H0).
  rewrite (Derive_comp ln (fun t => A (upd x k t)) _); [|eexists; apply is_derive_ln; exact H | exact HA].
  rewrite (is_derive_unique _ _ _ (is_derive_ln _ H)), upd_same. unfold Rdiv. ring.
Qed.

Lemma rule_derivative_sum : forall N (F : (nat -> R) -> nat -> R) x k,
  (forall i, in_range N i -> smooth (fun y => F y i) x k) ->
  partial (fun y => total N (F y)) x k = total N (fun i => partial (fun y => F y i) x k).
Proof.
  intros N F x k. induction N as [|n IH]; intro H.
  - apply (rule_derivative_constant 0).
  - cbn [total]. rewrite <- IH by (intros i Hi; apply H, in_range_step, Hi).
    apply (rule_derivative_add (fun y => total n (F y)) (fun y => F y (S n))).
    + apply smooth_total. intros i Hi. apply H, in_range_step, Hi.
    + apply H, in_range_last.
Qed.

(* -------------------------------------------------------------------------------------- signs, seen from forms *)

Lemma total_positive : forall N f, (1 <= N)%nat -> (forall i, in_range N i -> 0 < f i) -> 0 < total N f.
Proof.
  intros N f HN H. replace 0 with (total N (fun _ => 0)) by (rewrite rule_sum_constant; ring).
  apply lt_total; assumption.
Qed.

Lemma total_nonnegative : forall N f, (1 <= N)%nat -> (forall i, in_range N i -> 0 <= f i) -> 0 <= total N f.
Proof.
  intros N f HN H. replace 0 with (total N (fun _ => 0)) by (rewrite rule_sum_constant; ring).
  apply le_total; assumption.
Qed.

Lemma largest_positive : forall N f, (1 <= N)%nat -> (forall i, in_range N i -> 0 < f i) -> 0 < largest N f.
Proof. intros N f HN H. destruct (largest_attained N f HN) as [k [Hk ->]]. apply H, Hk. Qed.

Lemma largest_nonnegative : forall N f, (1 <= N)%nat -> (forall i, in_range N i -> 0 <= f i) -> 0 <= largest N f.
Proof. intros N f HN H. destruct (largest_attained N f HN) as [k [Hk ->]]. apply H, Hk. Qed.

Lemma count_positive : forall N, (1 <= N)%nat -> 0 < INR N.
Proof. intros N HN. apply lt_0_INR. lia. Qed.

Lemma delta_nonnegative : forall j k, 0 <= delta j k.
Proof. intros j k. destruct (delta_cases j k) as [->| ->]; lra. Qed.

Lemma one_minus_delta_nonnegative : forall j k, 0 <= 1 - delta j k.
Proof. intros j k. destruct (delta_cases j k) as [->| ->]; lra. Qed.

Lemma even_power_nonnegative : forall n a, Nat.even n = true -> 0 <= a ^ n.
Proof.
  intros n a H. apply Nat.even_spec in H. destruct H as [m ->].
  rewrite pow_mult. apply pow_le. apply pow2_ge_0.
Qed.

Lemma power_minus_positive : forall n a, 0 < a -> 0 < / a ^ n.
Proof. intros. apply Rinv_0_lt_compat, pow_lt. assumption. Qed.

Lemma quotient_positive : forall a b, 0 < a -> 0 < b -> 0 < a / b.
Proof. intros. apply Rdiv_lt_0_compat; assumption. Qed.

Lemma quotient_nonnegative : forall a b, 0 <= a -> 0 < b -> 0 <= a / b.
Proof.
  intros a b Ha Hb. apply Rmult_le_pos; [exact Ha|]. left. apply Rinv_0_lt_compat. exact Hb.
Qed.

Lemma sum_positive_l : forall a b, 0 < a -> 0 <= b -> 0 < a + b.         Proof. intros; lra. Qed.
Lemma sum_positive_r : forall a b, 0 <= a -> 0 < b -> 0 < a + b.         Proof. intros; lra. Qed.

Lemma max_positive_l : forall a b, 0 < a -> 0 < Rmax a b.
Proof. intros a b H. apply Rlt_le_trans with a; [exact H | apply Rmax_l]. Qed.

Lemma max_positive_r : forall a b, 0 < b -> 0 < Rmax a b.
Proof. intros a b H. apply Rlt_le_trans with b; [exact H | apply Rmax_r]. Qed.

Lemma max_nonnegative_l : forall a b, 0 <= a -> 0 <= Rmax a b.
Proof. intros a b H. apply Rle_trans with a; [exact H | apply Rmax_l]. Qed.

Lemma max_nonnegative_r : forall a b, 0 <= b -> 0 <= Rmax a b.
Proof. intros a b H. apply Rle_trans with b; [exact H | apply Rmax_r]. Qed.

Lemma abs_positive : forall a, 0 < a -> 0 < Rabs a.
Proof. intros a H. rewrite Rabs_pos_eq; lra. Qed.

Lemma nonzero_of_positive : forall a, 0 < a -> a <> 0.                    Proof. intros; lra. Qed.

Lemma nonzero_quotient : forall a b, a <> 0 -> b <> 0 -> a / b <> 0.
Proof. intros a b Ha Hb. apply Rmult_integral_contrapositive_currified; [exact Ha | apply Rinv_neq_0_compat, Hb]. Qed.

Lemma nonzero_power_minus : forall n a, a <> 0 -> / a ^ n <> 0.
Proof. intros n a Ha. apply Rinv_neq_0_compat, pow_nonzero, Ha. Qed.

Lemma less_by_sign : forall a b, 0 < b - a -> a < b.                      Proof. intros; lra. Qed.
Lemma at_most_by_sign : forall a b, 0 <= b - a -> a <= b.                 Proof. intros; lra. Qed.

(* One inequality is another if the differences of their sides agree. *)
Lemma less_by_difference : forall a b c d, a < b -> d - c = b - a -> c < d.            Proof. intros; lra. Qed.
Lemma at_most_by_difference : forall a b c d, a <= b -> d - c = b - a -> c <= d.       Proof. intros; lra. Qed.

(* ------------------------------------------------------------------------------------------ side conditions *)

(* An index is in range: it is assumed, or a permutation of one that is, or 1. *)
Ltac index_in_range :=
  first
    [ assumption
    | match goal with H : permutes ?N ?p |- in_range ?N (?p _) => apply (permutes_range N p _ H); index_in_range end
    | unfold in_range; lia ].

(* A premise, or one about every index at an index of the goal. *)
Ltac premise :=
  first
    [ assumption
    | match goal with H : forall i, in_range _ i -> _ |- _ => apply H; solve [index_in_range] end ].

(* 0 < t and 0 <= t, from the premises and the form of t, as `_sign` in trusted.py sees it. *)
Ltac sign :=
  first
    [ premise
    | lazymatch goal with
      | |- 0 < exp _ => apply exp_pos
      | |- 0 < INR _ => apply count_positive; assumption
      | |- 0 < total _ _ => apply total_positive; [assumption | intros; cbv beta; sign]
      | |- 0 < largest _ _ => apply largest_positive; [assumption | intros; cbv beta; sign]
      | |- 0 < Rabs _ => apply abs_positive; sign
      | |- 0 < _ + _ => first [apply sum_positive_l; [solve [sign] | sign] | apply sum_positive_r; [solve [sign] | sign]]
      | |- 0 < _ * _ => apply Rmult_lt_0_compat; sign
      | |- 0 < _ / _ => apply quotient_positive; sign
      | |- 0 < / _ ^ _ => apply power_minus_positive; sign
      | |- 0 < _ ^ _ => apply pow_lt; sign
      | |- 0 < Rmax _ _ => first [apply max_positive_l; solve [sign] | apply max_positive_r; sign]
      | |- 0 < IZR _ => lra
      | |- 0 <= 1 - delta _ _ => apply one_minus_delta_nonnegative
      | |- 0 <= total _ _ => apply total_nonnegative; [assumption | intros; cbv beta; sign]
      | |- 0 <= largest _ _ => apply largest_nonnegative; [assumption | intros; cbv beta; sign]
      | |- 0 <= Rabs _ => apply Rabs_pos
      | |- 0 <= delta _ _ => apply delta_nonnegative
      | |- 0 <= _ + _ => apply Rplus_le_le_0_compat; sign
      | |- 0 <= _ * _ => apply Rmult_le_pos; sign
      | |- 0 <= _ / _ => apply quotient_nonnegative; sign
      | |- 0 <= / _ ^ _ => left; apply power_minus_positive; sign
      | |- 0 <= _ ^ _ => first [apply pow_le; solve [sign] | apply even_power_nonnegative; reflexivity]
      | |- 0 <= Rmax _ _ => first [apply max_nonnegative_l; solve [sign] | apply max_nonnegative_r; sign]
      | |- 0 <= _ => first [lra | left; sign]
      end
    | lazymatch goal with |- 0 <= _ => left; premise end ].

(* t <> 0: known, by sign, a number, or factor by factor. *)
Ltac nonzero :=
  first
    [ premise
    | apply nonzero_of_positive; solve [sign]
    | lazymatch goal with
      | |- - _ <> 0 => apply Ropp_neq_0_compat; nonzero
      | |- _ * _ <> 0 => apply Rmult_integral_contrapositive_currified; nonzero
      | |- _ / _ <> 0 => apply nonzero_quotient; nonzero
      | |- / _ ^ _ <> 0 => apply nonzero_power_minus; nonzero
      | |- _ ^ _ <> 0 => apply pow_nonzero; nonzero
      | |- IZR _ <> 0 => let H := fresh in intro H; lra
      end ].

(* A relation whose sides differ by as much as those of a premise. `field` may divide only by what `nonzero` allows. *)
Ltac by_difference :=
  match goal with
  | H : ?a < ?b |- ?c < ?d => solve [apply (less_by_difference a b c d H); field; repeat split; nonzero]
  | H : ?a < ?b |- ?c <= ?d => solve [left; apply (less_by_difference a b c d H); field; repeat split; nonzero]
  | H : ?a <= ?b |- ?c <= ?d => solve [apply (at_most_by_difference a b c d H); field; repeat split; nonzero]
  end.

(* The same for the premises about every index: at each index that is in range by name. *)
Ltac at_each_index :=
  repeat match goal with
  | H : forall i, in_range ?N i -> _, R : in_range ?N ?k |- _ =>
      let P := constr:(H k R) in
      let T := type of P in
      lazymatch goal with
      | _ : T |- _ => fail
      | _ => pose proof P
      end
  end.

(* smooth f x k, from the form of f: what does not depend on the entries first, then operation by operation. *)
Ltac smoothness :=
  cbv beta;
  lazymatch goal with
  | |- smooth (fun _ => ?c) _ _ => apply smooth_constant
  | |- smooth (fun y => y ?j) _ _ => apply (smooth_entry j)
  | |- smooth (fun y => - @?A y) _ _ => apply (smooth_neg A); smoothness
  | |- smooth (fun y => @?A y + @?B y) _ _ => apply (smooth_add A B); smoothness
  | |- smooth (fun y => @?A y - @?B y) _ _ => apply (smooth_sub A B); smoothness
  | |- smooth (fun y => @?A y * @?B y) _ _ => apply (smooth_mul A B); smoothness
  | |- smooth (fun y => @?A y / @?B y) _ _ => apply (smooth_div A B); [smoothness | smoothness | cbv beta; nonzero]
  | |- smooth (fun y => exp (@?A y)) _ _ => apply (smooth_exp A); smoothness
  | |- smooth (fun y => ln (@?A y)) _ _ => apply (smooth_log A); [smoothness | cbv beta; sign]
  | |- smooth (fun y => / @?A y ^ ?n) _ _ => apply (smooth_power_minus n A); [smoothness | cbv beta; nonzero]
  | |- smooth (fun y => @?A y ^ ?n) _ _ => apply (smooth_power n A); smoothness
  | |- smooth (fun y => total ?N (@?F y)) _ _ =>
      apply (smooth_total N F); let i := fresh "i" in let range := fresh "range" in intros i range; smoothness
  end.

(* Every side condition. *)
Ltac side :=
  intros; cbv beta;
  lazymatch goal with
  | |- in_range _ _ => index_in_range
  | |- permutes _ _ => first [assumption | apply permutes_same]
  | |- (_ <= _)%nat => first [assumption | lia]
  | |- smooth _ _ _ => smoothness
  | |- _ <> 0 => nonzero
  | |- _ =>
      first
        [ premise
        | sign
        | apply less_by_sign; solve [sign]
        | apply at_most_by_sign; solve [sign]
        | lra
        | by_difference
        | at_each_index; first [lra | by_difference] ]
  end.

(* Equal as rational functions; what is divided by is known to differ from 0. *)
Ltac arithmetic :=
  first
    [ reflexivity
    | ring
    | field; repeat split; solve [side | let H := fresh in intro H; nra] ].

(* ------------------------------------------------------------------------------------------ counterexamples *)

Lemma not_equal_less : forall a b : R, a < b -> a <> b.                   Proof. intros; lra. Qed.
Lemma not_equal_more : forall a b : R, b < a -> a <> b.                   Proof. intros; lra. Qed.
Lemma not_at_most : forall a b, b < a -> ~ a <= b.                        Proof. intros; lra. Qed.
Lemma not_less : forall a b, b <= a -> ~ a < b.                           Proof. intros; lra. Qed.

(* Derivatives by the rules above. *)
Ltac differentiate :=
  repeat
    (match goal with
     | |- context [partial (fun _ => ?c) ?x ?k] => rewrite (rule_derivative_constant c x k)
     | |- context [partial (fun y => y ?j) ?x ?k] => rewrite (rule_derivative_entry j x k)
     | |- context [partial (fun y => @?A y + @?B y) ?x ?k] => rewrite (rule_derivative_add A B x k) by smoothness
     | |- context [partial (fun y => @?A y - @?B y) ?x ?k] => rewrite (rule_derivative_sub A B x k) by smoothness
     | |- context [partial (fun y => @?A y * @?B y) ?x ?k] => rewrite (rule_derivative_mul A B x k) by smoothness
     | |- context [partial (fun y => @?A y / @?B y) ?x ?k] =>
         rewrite (rule_derivative_div A B x k) by (first [smoothness | cbv beta; nonzero])
     | |- context [partial (fun y => exp (@?A y)) ?x ?k] => rewrite (rule_derivative_exp A x k) by smoothness
     | |- context [partial (fun y => ln (@?A y)) ?x ?k] =>
         rewrite (rule_derivative_log A x k) by (first [smoothness | cbv beta; sign])
     end;
     cbv beta).

Ltac enclose := interval with (i_prec 100).

(* Maxima of numbers are decided by interval arithmetic, and so is the relation itself. *)
Ltac compute_maxima :=
  repeat match goal with
  | |- context [Rmax ?a ?b] =>
      first
        [ rewrite (Rmax_left a b) by first [lra | enclose]
        | rewrite (Rmax_right a b) by first [lra | enclose] ]
  end.

Ltac evaluate :=
  cbv beta iota delta [total];
  differentiate;
  cbv beta iota delta [total largest delta Nat.eqb INR];
  compute_maxima.

Ltac numeric := evaluate; first [lra | enclose].

(* What a statement assumes, at a point. *)
Ltac at_point :=
  unfold in_range, permutes;
  lazymatch goal with
  | |- (_ <= _ <= _)%nat => lia
  | |- (_ <= _)%nat => lia
  | |- forall i, (_ <= i <= _)%nat -> _ =>
      let i := fresh "i" in let range := fresh "range" in
      intros i range; destruct i as [|[|[|[|i]]]]; try (exfalso; lia); numeric
  | |- _ <> _ => evaluate; first [apply not_equal_less; solve [numeric] | apply not_equal_more; solve [numeric]]
  | |- _ => numeric
  end.

(* The negation of a relation between numbers. *)
Ltac refute :=
  lazymatch goal with
  | |- _ <> _ => evaluate; first [apply not_equal_less; solve [numeric] | apply not_equal_more; solve [numeric]]
  | |- ~ _ <= _ => apply not_at_most; numeric
  | |- ~ _ < _ => apply not_less; numeric
  end.
