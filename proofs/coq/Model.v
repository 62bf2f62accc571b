(* What floating-point arithmetic is taken to be, and what each algorithm does in it.

   A model is a record of numbers: how far each operation may be from the exact result, relative to it and absolutely.
   An operation is a relation between its arguments and whatever it returned; a run of an algorithm is the conjunction
   of its operations, with everything that it computed on the way. Nothing here is about bits: Formats.v shows that
   IEEE arithmetic in every format is such a model.

   The absolute terms carry underflow: `under` is half the spacing of the subnormals, `flush` the smallest normal number
   where subnormals are flushed to zero, and 0 where they are not. A sum may be computed in any way and in any format:
   it errs by gamma relative to the sum of the absolute values, and by kappa absolutely (Sums.v).

   Sources: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), section 2.2 and equation (2.8);
   Blanchard, Higham, Higham, IMA J. Numer. Anal. 41 (2021) 2311-2330; Milakov, Gimelshein, arXiv 1805.02867. *)

From Coq Require Import Reals Lra Lia.
From ShiftProof Require Import Rules.
Open Scope R_scope.

Record model := Model {
  u : R;                          (* the unit roundoff *)
  exp_rel : R; exp_abs : R;       (* exp errs by exp_rel relative and exp_abs absolutely *)
  log_rel : R; log_abs : R;
  log1p_rel : R; log1p_abs : R;
  under : R;                      (* what underflow adds to a product or a quotient *)
  flush : R                       (* what flushing a subnormal argument or result adds *)
}.

Definition sound (M : model) : Prop :=
  0 <= u M < 1 /\ 0 <= exp_rel M /\ 0 <= exp_abs M /\ 0 <= log_rel M /\ 0 <= log_abs M /\
  0 <= log1p_rel M /\ 0 <= log1p_abs M /\ 0 <= under M /\ 0 <= flush M.

(* ------------------------------------------------------------------------------------------------- operations *)

Definition reads (M : model) (a r : R) : Prop := Rabs (r - a) <= flush M.

Definition adds (M : model) (a b r : R) : Prop :=
  Rabs (r - (a + b)) <= u M * Rabs (a + b) + flush M /\ (a + b = 0 -> r = 0).

Definition subtracts (M : model) (a b r : R) : Prop := adds M a (- b) r.

Definition multiplies (M : model) (a b r : R) : Prop :=
  Rabs (r - a * b) <= u M * Rabs (a * b) + under M /\ (b = 1 -> r = a).

Definition divides (M : model) (a b r : R) : Prop := Rabs (r - a / b) <= u M * Rabs (a / b) + under M.

Definition exponentiates (M : model) (a r : R) : Prop :=
  Rabs (r - exp a) <= exp_rel M * exp a + exp_abs M /\ 0 <= r /\ (a = 0 -> r = 1).

Definition takes_log (M : model) (a r : R) : Prop := Rabs (r - ln a) <= log_rel M * Rabs (ln a) + log_abs M.

Definition takes_log1p (M : model) (a r : R) : Prop :=
  Rabs (r - ln (1 + a)) <= log1p_rel M * Rabs (ln (1 + a)) + log1p_abs M.

(* s stands for the sum of w_1 .. w_N. *)
Definition sums (gamma kappa : R) (N : nat) (w : nat -> R) (s : R) : Prop :=
  Rabs (s - total N w) <= gamma * total N (fun i => Rabs (w i)) + kappa.

(* The vector without its entry k, as a vector with 0 in its place. *)
Definition without (k : nat) (w : nat -> R) : nat -> R := fun i => if Nat.eqb i k then 0 else w i.

(* ---------------------------------------------------------------------------------------------- what is meant *)

Definition lse (N : nat) (x : nat -> R) : R := ln (total N (fun i => exp (x i))).
Definition softmax (N : nat) (x : nat -> R) (j : nat) : R := exp (x j) / total N (fun i => exp (x i)).
Definition log_softmax (N : nat) (x : nat -> R) (j : nat) : R := x j - lse N x.

(* -------------------------------------------------------------------------------------- runs of the algorithms *)

(* The exponentials of x_i - a: arguments xh as they were read, a computed shift ah, differences d, exponentials w. *)
Definition exponentials (M : model) (N : nat) (x xh : nat -> R) (ah : R) (d w : nat -> R) : Prop :=
  forall i, in_range N i -> reads M (x i) (xh i) /\ subtracts M (xh i) ah (d i) /\ exponentiates M (d i) (w i).

Definition run_naive (M : model) (gamma kappa : R) (N : nat) (x xh w : nat -> R) (s r : R) : Prop :=
  (forall i, in_range N i -> reads M (x i) (xh i) /\ exponentiates M (xh i) (w i)) /\
  sums gamma kappa N w s /\ takes_log M s r.

(* a is the shift that is meant, ah what was read of it. *)
Definition run_shifted (M : model) (gamma kappa : R) (N : nat) (x xh : nat -> R) (a ah : R) (d w : nat -> R)
  (s l r : R) : Prop :=
  reads M a ah /\ exponentials M N x xh ah d w /\ sums gamma kappa N w s /\ takes_log M s l /\ adds M ah l r.

(* k is the place of a maximum of xh; gamma and kappa belong to a sum of N - 1 terms. *)
Definition run_log1p (M : model) (gamma kappa : R) (N : nat) (x xh : nat -> R) (k : nat) (d w : nat -> R)
  (s l r : R) : Prop :=
  in_range N k /\ xh k = largest N xh /\ exponentials M N x xh (xh k) d w /\
  sums gamma kappa N (without k w) s /\ takes_log1p M s l /\ adds M (xh k) l r.

(* One step of the pass with a running maximum: the state (m, d) meets y. *)
Definition online_step (M : model) (m d y m' d' : R) : Prop :=
  (y <= m /\ m' = m /\ exists t w, subtracts M y m t /\ exponentiates M t w /\ adds M d w d') \/
  (m < y /\ m' = y /\ exists t w p, subtracts M m y t /\ exponentiates M t w /\ multiplies M d w p /\ adds M p 1 d').

(* The pass over y_1 .. y_N ends in the state (m, d) after the maximum has risen `rises` times. *)
Inductive online (M : model) (y : nat -> R) : nat -> R -> R -> nat -> Prop :=
| online_start : online M y 1 (y 1%nat) 1 0
| online_same : forall n m d rises m' d', online M y n m d rises -> y (S n) <= m ->
    online_step M m d (y (S n)) m' d' -> online M y (S n) m' d' rises
| online_rise : forall n m d rises m' d', online M y n m d rises -> m < y (S n) ->
    online_step M m d (y (S n)) m' d' -> online M y (S n) m' d' (S rises).

(* A tree of merges over the entries i + 1 .. i + n: two states become one by the rule of the online pass. *)
Definition merges (M : model) (m1 d1 m2 d2 m d : R) : Prop :=
  m = Rmax m1 m2 /\ exists t1 t2 w1 w2 p1 p2,
    subtracts M m1 m t1 /\ exponentiates M t1 w1 /\ multiplies M d1 w1 p1 /\
    subtracts M m2 m t2 /\ exponentiates M t2 w2 /\ multiplies M d2 w2 p2 /\ adds M p1 p2 d.

Inductive merged (M : model) (y : nat -> R) : nat -> nat -> nat -> R -> R -> Prop :=
| merged_leaf : forall i, merged M y i 1 0 (y (S i)) 1
| merged_node : forall i n1 n2 h m1 d1 m2 d2 m d,
    merged M y i n1 h m1 d1 -> merged M y (i + n1) n2 h m2 d2 -> merges M m1 d1 m2 d2 m d ->
    merged M y i (n1 + n2) (S h) m d
| merged_higher : forall i n h m d, merged M y i n h m d -> merged M y i n (S h) m d.

(* log(exp p + exp q), and a fold of it. *)
Definition run_logaddexp (M : model) (p q r : R) : Prop :=
  exists d w l,
    subtracts M (Rmin p q) (Rmax p q) d /\ exponentiates M d w /\ takes_log1p M w l /\ adds M (Rmax p q) l r.

Inductive chained (M : model) (y : nat -> R) : nat -> R -> Prop :=
| chained_start : chained M y 1 (y 1%nat)
| chained_next : forall n p r, chained M y n p -> run_logaddexp M p (y (S n)) r -> chained M y (S n) r.
