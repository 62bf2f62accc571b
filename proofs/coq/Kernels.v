(* What the textbook algorithms return in an IEEE format, and how far it is from the exact result.

   Nothing here is said of an abstract model. A kernel is the conjunction of the operations of an algorithm, each
   rounded to nearest, ties to even, in the format of prec digits whose smallest subnormal number is 2^emin; the
   inputs and everything that is computed are numbers of that format. Its exponents have no upper end, which the part
   on overflow makes up for, as far as the sums are concerned. exp, log and log1p are library functions, of which
   this is assumed and no more: they return numbers of the format within ee, el and ep units in the last place, and
   exp returns no negative number, and 1 at 0. Sums are taken in any order. Subnormal numbers may be flushed to zero:
   lam is then the smallest normal number, otherwise 0.

   Names: x are the inputs, xh the same as they were read (equal to x where lam = 0), w the computed exponentials, r
   the result, and M the unit roundoff and the other numbers of the format, as Formats.v defines them. gamma_of and
   kappa_of are what a sum of k additions errs by. The closed forms are those of Formulas.v.

   Contents: what is computed; kernels are runs of Model.v; logsumexp; softmax; log_softmax; the pass with a running
   maximum and trees of merges (for these 1 must be a number of the format, and not flushed); a chain of logaddexp;
   four formats; in plain numbers; no overflow; every vector has a run.

   Sources: IEEE Std 754-2019; Blanchard, Higham, Higham, IMA J. Numer. Anal. 41 (2021) 2311-2330; Milakov,
   Gimelshein, arXiv 1805.02867; Jeannerod, Rump, SIAM J. Matrix Anal. Appl. 34 (2013) 338-344. *)

From Coq Require Import Reals Lra Lia List Permutation PeanoNat ZArith.
From Flocq Require Import Core.
From ShiftProof Require Import Rules Model Formulas Steps LogSumExp LogSoftmax Online Softmax Sums Formats.
Open Scope R_scope.

(* ------------------------------------------------------------------------------------------- what is computed *)

(* The library functions: accurate, and they return numbers of the format. *)
Definition library_exp (prec emin : Z) (ee lam a r : R) : Prop := ieee_exp prec emin ee lam a r /\ fmt prec emin r.
Definition library_log (prec emin : Z) (el lam a r : R) : Prop := ieee_log prec emin el lam a r /\ fmt prec emin r.
Definition library_log1p (prec emin : Z) (ep lam a r : R) : Prop :=
  ieee_log1p prec emin ep lam a r /\ fmt prec emin r.

(* The inputs are numbers of the format; they are read, which flushes those below lam. *)
Definition kernel_reads (prec emin : Z) (lam : R) (N : nat) (x xh : nat -> R) : Prop :=
  forall i, in_range N i -> fmt prec emin (x i) /\ ieee_read lam (x i) (xh i).

(* The exponentials of the differences with the shift ah. *)
Definition kernel_exponentials (prec emin : Z) (ee lam : R) (N : nat) (xh : nat -> R) (ah : R) (d w : nat -> R)
  : Prop :=
  forall i, in_range N i ->
    ieee_difference prec emin lam (xh i) ah (d i) /\ library_exp prec emin ee lam (d i) (w i).

(* A sum of all entries, in some order, and of all but the entry k; of no entries it is 0. *)
Definition kernel_sum (prec emin : Z) (lam : R) (N : nat) (w : nat -> R) (s : R) : Prop :=
  exists t, Permutation (leaves t) (seq 1 N) /\ format_sum prec emin lam w t s.
Definition kernel_sum_others (prec emin : Z) (lam : R) (N k : nat) (w : nat -> R) (s : R) : Prop :=
  (N = 1%nat /\ k = 1%nat /\ s = 0) \/
  exists t, Permutation (k :: leaves t) (seq 1 N) /\ format_sum prec emin lam w t s.

(* ah + log(sum of exp(x_i - ah)). *)
Definition kernel_lse_by (prec emin : Z) (ee el lam : R) (N : nat) (x xh : nat -> R) (ah : R) (d w : nat -> R)
  (s l r : R) : Prop :=
  kernel_reads prec emin lam N x xh /\ kernel_exponentials prec emin ee lam N xh ah d w /\
  kernel_sum prec emin lam N w s /\ library_log prec emin el lam s l /\ ieee_sum prec emin lam ah l r.

(* The shift is the largest of the numbers as they were read. *)
Definition kernel_lse_shifted (prec emin : Z) (ee el lam : R) (N : nat) (x xh d w : nat -> R) (s l r : R) : Prop :=
  kernel_lse_by prec emin ee el lam N x xh (largest N xh) d w s l r.

(* The shift is any number a of the format. *)
Definition kernel_lse_arbitrary_shift (prec emin : Z) (ee el lam : R) (N : nat) (x xh : nat -> R) (a ah : R)
  (d w : nat -> R) (s l r : R) : Prop :=
  fmt prec emin a /\ ieee_read lam a ah /\ kernel_lse_by prec emin ee el lam N x xh ah d w s l r.

(* x_k + log1p(sum of the other exp(x_i - x_k)), where x_k is the largest. *)
Definition kernel_lse_log1p (prec emin : Z) (ee ep lam : R) (N : nat) (x xh : nat -> R) (k : nat) (d w : nat -> R)
  (s l r : R) : Prop :=
  kernel_reads prec emin lam N x xh /\ in_range N k /\ xh k = largest N xh /\
  kernel_exponentials prec emin ee lam N xh (xh k) d w /\ kernel_sum_others prec emin lam N k w s /\
  library_log1p prec emin ep lam s l /\ ieee_sum prec emin lam (xh k) l r.

(* log(sum of exp(x_i)). *)
Definition kernel_lse_naive (prec emin : Z) (ee el lam : R) (N : nat) (x xh w : nat -> R) (s r : R) : Prop :=
  kernel_reads prec emin lam N x xh /\ (forall i, in_range N i -> library_exp prec emin ee lam (xh i) (w i)) /\
  kernel_sum prec emin lam N w s /\ library_log prec emin el lam s r.

(* exp(x_j - ah) / sum of exp(x_i - ah). *)
Definition kernel_softmax_by (prec emin : Z) (ee lam : R) (N : nat) (x xh : nat -> R) (ah : R) (d w : nat -> R)
  (s : R) (j : nat) (r : R) : Prop :=
  kernel_reads prec emin lam N x xh /\ kernel_exponentials prec emin ee lam N xh ah d w /\
  kernel_sum prec emin lam N w s /\ in_range N j /\ ieee_quotient prec emin lam (w j) s r.
Definition kernel_softmax_shifted (prec emin : Z) (ee lam : R) (N : nat) (x xh d w : nat -> R) (s : R) (j : nat)
  (r : R) : Prop :=
  kernel_softmax_by prec emin ee lam N x xh (largest N xh) d w s j r.
Definition kernel_softmax_arbitrary_shift (prec emin : Z) (ee lam : R) (N : nat) (x xh : nat -> R) (a ah : R)
  (d w : nat -> R) (s : R) (j : nat) (r : R) : Prop :=
  fmt prec emin a /\ ieee_read lam a ah /\ kernel_softmax_by prec emin ee lam N x xh ah d w s j r.

(* exp(x_j - v) where v is a computed shifted logsumexp. *)
Definition kernel_softmax_division_free (prec emin : Z) (ee el lam : R) (N : nat) (x xh d w : nat -> R)
  (s l v : R) (j : nat) (t r : R) : Prop :=
  kernel_lse_shifted prec emin ee el lam N x xh d w s l v /\ in_range N j /\
  ieee_difference prec emin lam (xh j) v t /\ library_exp prec emin ee lam t r.

(* (x_j - ah) - log(sum of exp(x_i - ah)), where ah is the largest. *)
Definition kernel_log_softmax_shifted (prec emin : Z) (ee el lam : R) (N : nat) (x xh d w : nat -> R) (s l : R)
  (j : nat) (t r : R) : Prop :=
  kernel_reads prec emin lam N x xh /\ kernel_exponentials prec emin ee lam N xh (largest N xh) d w /\
  kernel_sum prec emin lam N w s /\ library_log prec emin el lam s l /\
  in_range N j /\ ieee_difference prec emin lam (xh j) (largest N xh) t /\ ieee_difference prec emin lam t l r.

(* (x_j - x_k) - log1p(sum of the other exp(x_i - x_k)), where x_k is the largest. *)
Definition kernel_log_softmax_log1p (prec emin : Z) (ee ep lam : R) (N : nat) (x xh : nat -> R) (k : nat)
  (d w : nat -> R) (s l : R) (j : nat) (t r : R) : Prop :=
  kernel_reads prec emin lam N x xh /\ in_range N k /\ xh k = largest N xh /\
  kernel_exponentials prec emin ee lam N xh (xh k) d w /\ kernel_sum_others prec emin lam N k w s /\
  library_log1p prec emin ep lam s l /\
  in_range N j /\ ieee_difference prec emin lam (xh j) (xh k) t /\ ieee_difference prec emin lam t l r.

(* x_j - v where v is a computed shifted logsumexp, *)
Definition kernel_log_softmax_composed (prec emin : Z) (ee el lam : R) (N : nat) (x xh d w : nat -> R)
  (s l v : R) (j : nat) (r : R) : Prop :=
  kernel_lse_shifted prec emin ee el lam N x xh d w s l v /\ in_range N j /\
  ieee_difference prec emin lam (xh j) v r.

(* or one through log1p. *)
Definition kernel_log_softmax_composed_log1p (prec emin : Z) (ee ep lam : R) (N : nat) (x xh : nat -> R) (k : nat)
  (d w : nat -> R) (s l v : R) (j : nat) (r : R) : Prop :=
  kernel_lse_log1p prec emin ee ep lam N x xh k d w s l v /\ in_range N j /\
  ieee_difference prec emin lam (xh j) v r.

(* What a sum of k additions errs by, relative to the sum of the absolute values and absolutely. *)
Definition gamma_of (prec : Z) (k : nat) : R := INR k * bpow radix2 (- prec).
Definition kappa_of (prec : Z) (lam : R) (k : nat) : R := (1 + gamma_of prec k) * (INR k * lam).

(* ----------------------------------------------------------------------------- kernels are runs of Model.v *)

(* gamma is not negative. *)
Lemma gamma_of_pos : forall prec k, 0 <= gamma_of prec k.
Proof. intros prec k. apply Rmult_le_pos; [apply pos_INR | apply bpow_ge_0]. Qed.

(* Nor is kappa. *)
Lemma kappa_of_pos : forall prec lam k, 0 <= lam -> 0 <= kappa_of prec lam k.
Proof.
  intros prec lam k Hl. assert (G := gamma_of_pos prec k). apply Rmult_le_pos; [lra|].
  apply Rmult_le_pos; [apply pos_INR | exact Hl].
Qed.

(* What is read is a number of the format. *)
Lemma read_fmt : forall prec emin lam a r, fmt prec emin a -> ieee_read lam a r -> fmt prec emin r.
Proof. intros prec emin lam a r Ha [->|[-> _]]; [exact Ha | apply zero_fmt]. Qed.

(* So is an entry as read, *)
Lemma entry_fmt : forall prec emin lam N x xh i, kernel_reads prec emin lam N x xh -> in_range N i ->
  fmt prec emin (xh i).
Proof. intros prec emin lam N x xh i H Hi. destruct (H i Hi) as [F R]. apply read_fmt with lam (x i); assumption. Qed.

(* and the largest of them. *)
Lemma largest_fmt : forall prec emin lam N x xh, (1 <= N)%nat -> kernel_reads prec emin lam N x xh ->
  fmt prec emin (largest N xh).
Proof.
  intros prec emin lam N x xh HN H. destruct (largest_attained N xh HN) as [k [Hk ->]].
  apply entry_fmt with lam N x; assumption.
Qed.

(* Reading. *)
Lemma run_of_reads : forall prec emin ee el ep lam N x xh, 0 <= lam -> kernel_reads prec emin lam N x xh ->
  forall i, in_range N i -> reads (format_model prec emin ee el ep lam) (x i) (xh i).
Proof. intros prec emin ee el ep lam N x xh Hl H i Hi. apply format_reads; [exact Hl | apply H, Hi]. Qed.

(* The largest of the numbers as they were read is what is read of the largest. *)
Lemma run_of_largest : forall prec emin ee el ep lam N x xh, 0 <= lam -> (1 <= N)%nat ->
  kernel_reads prec emin lam N x xh -> reads (format_model prec emin ee el ep lam) (largest N x) (largest N xh).
Proof.
  intros prec emin ee el ep lam N x xh Hl HN H. apply Steps.reads_largest; [exact HN|].
  apply run_of_reads; assumption.
Qed.

(* The exponential. *)
Lemma run_of_exp : forall prec emin ee el ep lam a r, (0 < prec)%Z -> 0 <= ee -> 0 <= lam ->
  library_exp prec emin ee lam a r -> exponentiates (format_model prec emin ee el ep lam) a r.
Proof. intros prec emin ee el ep lam a r Hp He Hl [H _]. apply format_exponentiates; assumption. Qed.

(* The logarithm. *)
Lemma run_of_log : forall prec emin ee el ep lam a r, (0 < prec)%Z -> 0 <= el -> 0 <= lam ->
  library_log prec emin el lam a r -> takes_log (format_model prec emin ee el ep lam) a r.
Proof. intros prec emin ee el ep lam a r Hp He Hl [H _]. apply format_takes_log; assumption. Qed.

(* The logarithm of 1 + a. *)
Lemma run_of_log1p : forall prec emin ee el ep lam a r, (0 < prec)%Z -> 0 <= ep -> 0 <= lam ->
  library_log1p prec emin ep lam a r -> takes_log1p (format_model prec emin ee el ep lam) a r.
Proof. intros prec emin ee el ep lam a r Hp He Hl [H _]. apply format_takes_log1p; assumption. Qed.

(* The exponentials of the differences. *)
Lemma run_of_exponentials : forall prec emin ee el ep lam N x xh ah d w, (0 < prec)%Z -> 0 <= ee -> 0 <= lam ->
  fmt prec emin ah -> kernel_reads prec emin lam N x xh -> kernel_exponentials prec emin ee lam N xh ah d w ->
  exponentials (format_model prec emin ee el ep lam) N x xh ah d w.
Proof.
  intros prec emin ee el ep lam N x xh ah d w Hp He Hl Ha Hx Hw i Hi. destruct (Hw i Hi) as [Hd Hwi].
  split; [apply run_of_reads with N; assumption|]. split.
  - apply format_subtracts; [assumption..| | exact Ha | exact Hd]. apply entry_fmt with lam N x; assumption.
  - apply run_of_exp; assumption.
Qed.

(* They are numbers of the format. *)
Lemma exponentials_fmt : forall prec emin ee lam N xh ah d w, kernel_exponentials prec emin ee lam N xh ah d w ->
  forall i, in_range N i -> fmt prec emin (w i).
Proof. intros prec emin ee lam N xh ah d w H i Hi. apply (H i Hi). Qed.

(* There is at least one entry to sum. *)
Lemma kernel_sum_length : forall prec emin lam N w s, kernel_sum prec emin lam N w s -> (1 <= N)%nat.
Proof.
  intros prec emin lam N w s [t [Ht _]]. apply Permutation_length in Ht. rewrite seq_length, leaves_additions in Ht.
  lia.
Qed.

(* A sum of all entries. *)
Lemma run_of_sum : forall prec emin lam N w s, (0 < prec)%Z -> 0 <= lam ->
  (forall i, in_range N i -> fmt prec emin (w i)) -> kernel_sum prec emin lam N w s ->
  sums (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) N w s.
Proof.
  intros prec emin lam N w s Hp Hl Hw [t [Ht H]]. apply format_sum_any_order with emin t; assumption.
Qed.

(* A sum of all entries but one. *)
Lemma run_of_sum_others : forall prec emin lam N k w s, (0 < prec)%Z -> 0 <= lam ->
  (forall i, in_range N i -> fmt prec emin (w i)) -> kernel_sum_others prec emin lam N k w s ->
  sums (gamma_of prec (N - 2)) (kappa_of prec lam (N - 2)) N (without k w) s.
Proof.
  intros prec emin lam N k w s Hp Hl Hw H.
  assert (S := format_sound prec emin 0 0 0 lam Hp (Rle_refl 0) (Rle_refl 0) (Rle_refl 0) Hl).
  apply (sum_others_any_order (format_model prec emin 0 0 0 lam) N k w s S).
  destruct H as [H|[t [Ht H]]]; [left; exact H | right]. exists t. split; [exact Ht|].
  apply format_sum_tree; try assumption. apply others_fmt with N k; [exact Ht|]. intros i Hi _. apply Hw, Hi.
Qed.

(* logsumexp with any shift. *)
Lemma run_of_lse_by : forall prec emin ee el ep lam N x xh a ah d w s l r, (0 < prec)%Z -> 0 <= ee -> 0 <= el ->
  0 <= lam -> fmt prec emin ah -> reads (format_model prec emin ee el ep lam) a ah ->
  kernel_lse_by prec emin ee el lam N x xh ah d w s l r ->
  run_shifted (format_model prec emin ee el ep lam) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1))
    N x xh a ah d w s l r.
Proof.
  intros prec emin ee el ep lam N x xh a ah d w s l r Hp He Hel Hl Fa Ha [Hx [Hw [Hs [Hlog Hr]]]].
  split; [exact Ha|]. split; [apply run_of_exponentials; assumption|]. split; [|split].
  - apply run_of_sum with emin; [assumption..| | exact Hs]. apply exponentials_fmt with (1 := Hw).
  - apply run_of_log; assumption.
  - apply format_adds; [assumption..| apply Hlog | exact Hr].
Qed.

(* logsumexp shifted by the maximum. *)
Theorem run_of_lse_shifted : forall prec emin ee el ep lam N x xh d w s l r, (0 < prec)%Z -> 0 <= ee -> 0 <= el ->
  0 <= lam -> kernel_lse_shifted prec emin ee el lam N x xh d w s l r ->
  run_shifted (format_model prec emin ee el ep lam) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1))
    N x xh (largest N x) (largest N xh) d w s l r.
Proof.
  intros prec emin ee el ep lam N x xh d w s l r Hp He Hel Hl H. assert (HN : (1 <= N)%nat).
  { apply kernel_sum_length with prec emin lam w s, H. }
  apply run_of_lse_by; try assumption.
  - apply largest_fmt with lam x; [exact HN | apply H].
  - apply run_of_largest; [exact Hl | exact HN | apply H].
Qed.

(* logsumexp through log1p. *)
Theorem run_of_lse_log1p : forall prec emin ee el ep lam N x xh k d w s l r, (0 < prec)%Z -> 0 <= ee -> 0 <= ep ->
  0 <= lam -> kernel_lse_log1p prec emin ee ep lam N x xh k d w s l r ->
  run_log1p (format_model prec emin ee el ep lam) (gamma_of prec (N - 2)) (kappa_of prec lam (N - 2))
    N x xh k d w s l r.
Proof.
  intros prec emin ee el ep lam N x xh k d w s l r Hp He Hep Hl [Hx [Hk [Ek [Hw [Hs [Hlog Hr]]]]]].
  assert (Fk := entry_fmt prec emin lam N x xh k Hx Hk).
  split; [exact Hk|]. split; [exact Ek|]. split; [apply run_of_exponentials; assumption|]. split; [|split].
  - apply run_of_sum_others with emin; [assumption..| | exact Hs]. apply exponentials_fmt with (1 := Hw).
  - apply run_of_log1p; assumption.
  - apply format_adds; [assumption..| apply Hlog | exact Hr].
Qed.

(* logsumexp without a shift. *)
Theorem run_of_lse_naive : forall prec emin ee el ep lam N x xh w s r, (0 < prec)%Z -> 0 <= ee -> 0 <= el ->
  0 <= lam -> kernel_lse_naive prec emin ee el lam N x xh w s r ->
  run_naive (format_model prec emin ee el ep lam) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) N x xh w s r.
Proof.
  intros prec emin ee el ep lam N x xh w s r Hp He Hel Hl [Hx [Hw [Hs Hlog]]]. split; [|split].
  - intros i Hi. split; [apply run_of_reads with N; assumption | apply run_of_exp; [assumption..|apply Hw, Hi]].
  - apply run_of_sum with emin; [assumption..| | exact Hs]. intros i Hi. apply (Hw i Hi).
  - apply run_of_log; assumption.
Qed.

(* softmax with any shift. *)
Lemma run_of_softmax_by : forall prec emin ee el ep lam N x xh a ah d w s j r, (0 < prec)%Z -> 0 <= ee ->
  0 <= lam -> fmt prec emin ah -> reads (format_model prec emin ee el ep lam) a ah ->
  kernel_softmax_by prec emin ee lam N x xh ah d w s j r ->
  run_softmax (format_model prec emin ee el ep lam) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1))
    N x xh a ah d w s j r.
Proof.
  intros prec emin ee el ep lam N x xh a ah d w s j r Hp He Hl Fa Ha [Hx [Hw [Hs [Hj Hr]]]].
  split; [exact Ha|]. split; [apply run_of_exponentials; assumption|]. split.
  - apply run_of_sum with emin; [assumption..| | exact Hs]. apply exponentials_fmt with (1 := Hw).
  - apply format_divides; assumption.
Qed.

(* softmax shifted by the maximum. *)
Theorem run_of_softmax_shifted : forall prec emin ee el ep lam N x xh d w s j r, (0 < prec)%Z -> 0 <= ee ->
  0 <= lam -> kernel_softmax_shifted prec emin ee lam N x xh d w s j r ->
  run_softmax (format_model prec emin ee el ep lam) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1))
    N x xh (largest N x) (largest N xh) d w s j r.
Proof.
  intros prec emin ee el ep lam N x xh d w s j r Hp He Hl H. assert (HN : (1 <= N)%nat).
  { apply kernel_sum_length with prec emin lam w s, H. }
  apply run_of_softmax_by; try assumption.
  - apply largest_fmt with lam x; [exact HN | apply H].
  - apply run_of_largest; [exact Hl | exact HN | apply H].
Qed.

(* log_softmax through log1p. *)
Theorem run_of_log_softmax_log1p : forall prec emin ee el ep lam N x xh k d w s l j t r, (0 < prec)%Z -> 0 <= ee ->
  0 <= ep -> 0 <= lam -> kernel_log_softmax_log1p prec emin ee ep lam N x xh k d w s l j t r ->
  run_log_softmax_log1p (format_model prec emin ee el ep lam) (gamma_of prec (N - 2)) (kappa_of prec lam (N - 2))
    N x xh k d w s l j t r.
Proof.
  intros prec emin ee el ep lam N x xh k d w s l j t r Hp He Hep Hl
    [Hx [Hk [Ek [Hw [Hs [Hlog [Hj [Ht Hr]]]]]]]].
  assert (Fk := entry_fmt prec emin lam N x xh k Hx Hk). assert (Fj := entry_fmt prec emin lam N x xh j Hx Hj).
  split; [exact Hk|]. split; [exact Ek|]. split; [apply run_of_exponentials; assumption|].
  split; [|split; [|split; [exact Hj|split]]].
  - apply run_of_sum_others with emin; [assumption..| | exact Hs]. apply exponentials_fmt with (1 := Hw).
  - apply run_of_log1p; assumption.
  - apply format_subtracts; assumption.
  - apply format_subtracts; [assumption..| | apply Hlog | exact Hr].
    apply rounds_fmt with lam (xh j - xh k); [exact Hp | exact Ht].
Qed.

(* log_softmax through the logarithm of the full sum. *)
Theorem run_of_log_softmax_shifted : forall prec emin ee el ep lam N x xh d w s l j t r, (0 < prec)%Z -> 0 <= ee ->
  0 <= el -> 0 <= lam -> kernel_log_softmax_shifted prec emin ee el lam N x xh d w s l j t r ->
  run_log_softmax_shifted (format_model prec emin ee el ep lam) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1))
    N x xh (largest N x) (largest N xh) d w s l j t r.
Proof.
  intros prec emin ee el ep lam N x xh d w s l j t r Hp He Hel Hl [Hx [Hw [Hs [Hlog [Hj [Ht Hr]]]]]].
  assert (HN := kernel_sum_length _ _ _ _ _ _ Hs). assert (Fa := largest_fmt prec emin lam N x xh HN Hx).
  assert (Fj := entry_fmt prec emin lam N x xh j Hx Hj).
  split; [apply run_of_largest; assumption|]. split; [apply run_of_exponentials; assumption|].
  split; [|split; [|split; [exact Hj|split]]].
  - apply run_of_sum with emin; [assumption..| | exact Hs]. apply exponentials_fmt with (1 := Hw).
  - apply run_of_log; assumption.
  - apply format_subtracts; assumption.
  - apply format_subtracts; [assumption..| | apply Hlog | exact Hr].
    apply rounds_fmt with lam (xh j - largest N xh); [exact Hp | exact Ht].
Qed.

(* ------------------------------------------------------------------------------------------------- logsumexp *)

(* The maximum plus log1p of the sum of the others. *)
Theorem ieee_lse_log1p : forall prec emin ee el ep lam N x xh k d w s l r, (0 < prec)%Z -> 0 <= ee -> 0 <= el ->
  0 <= ep -> 0 <= lam -> kernel_lse_log1p prec emin ee ep lam N x xh k d w s l r ->
  let M := format_model prec emin ee el ep lam in
  let a := largest N x in
  let sigma := tail_error M (stretch M) (gamma_of prec (N - 2)) (kappa_of prec lam (N - 2)) (drift M N x a)
                          (tail N x) (INR N - 1) (lse N x - a) in
  sigma < 1 -> Rabs (r - lse N x) <= lse_log1p M sigma (lse N x - a) (lse N x).
Proof.
  intros prec emin ee el ep lam N x xh k d w s l r Hp He Hel Hep Hl H M a sigma Hs.
  apply (lse_log1p_bound M (gamma_of prec (N - 2)) (kappa_of prec lam (N - 2)) N x xh k d w s l r).
  - apply format_sound; assumption.
  - apply gamma_of_pos.
  - apply kappa_of_pos; exact Hl.
  - destruct H as [_ [Hk _]]. unfold in_range in Hk. lia.
  - apply run_of_lse_log1p; assumption.
  - exact Hs.
Qed.

(* The same from the entropy of softmax x, for formats of at least 8 digits. *)
Theorem ieee_lse_log1p_entropy : forall prec emin ee el ep lam N x xh k d w s l r, (8 <= prec)%Z -> 0 <= ee ->
  0 <= el -> 0 <= ep -> 0 <= lam -> kernel_lse_log1p prec emin ee ep lam N x xh k d w s l r ->
  let M := format_model prec emin ee el ep lam in
  let L := lse N x - largest N x in
  let sigma := tail_error M (stretch M) (gamma_of prec (N - 2)) (kappa_of prec lam (N - 2))
                          (drift_from_entropy M (entropy N x) L (INR N)) (tail N x) (INR N - 1) L in
  sigma < 1 -> Rabs (r - lse N x) <= lse_log1p M sigma L (lse N x).
Proof.
  intros prec emin ee el ep lam N x xh k d w s l r Hp He Hel Hep Hl H M L sigma Hs.
  assert (P : (0 < prec)%Z) by lia.
  apply (lse_log1p_entropy_bound M (gamma_of prec (N - 2)) (kappa_of prec lam (N - 2)) N x xh k d w s l r).
  - apply format_sound; assumption.
  - cbn. apply Rle_trans with (bpow radix2 (- (8))); [apply bpow_le; lia|].
    change (- (8))%Z with (- Z.of_nat 8)%Z. rewrite bpow_reciprocal. lra.
  - apply gamma_of_pos.
  - apply kappa_of_pos; exact Hl.
  - destruct H as [_ [Hk _]]. unfold in_range in Hk. lia.
  - apply run_of_lse_log1p; assumption.
  - exact Hs.
Qed.

(* The same from the length alone. *)
Theorem ieee_lse_log1p_worst_case : forall prec emin ee el ep lam N x xh k d w s l r, (0 < prec)%Z -> 0 <= ee ->
  0 <= el -> 0 <= ep -> 0 <= lam -> kernel_lse_log1p prec emin ee ep lam N x xh k d w s l r ->
  let M := format_model prec emin ee el ep lam in
  let sigma := tail_error M (stretch M) (gamma_of prec (N - 2)) (kappa_of prec lam (N - 2))
                          (drift_from_length M (INR N)) (1 - / INR N) (INR N - 1) 0 in
  sigma < 1 -> Rabs (r - lse N x) <= lse_log1p M sigma (ln (INR N)) (lse N x).
Proof.
  intros prec emin ee el ep lam N x xh k d w s l r Hp He Hel Hep Hl H M sigma Hs.
  apply (lse_log1p_worst_case M (gamma_of prec (N - 2)) (kappa_of prec lam (N - 2)) N x xh k d w s l r).
  - apply format_sound; assumption.
  - apply gamma_of_pos.
  - apply kappa_of_pos; exact Hl.
  - destruct H as [_ [Hk _]]. unfold in_range in Hk. lia.
  - apply run_of_lse_log1p; assumption.
  - exact Hs.
Qed.

(* The maximum plus the logarithm of the sum of all; theta may be the tail where nothing is flushed. *)
Theorem ieee_lse_shifted : forall prec emin ee el ep lam N x xh d w s l r theta, (0 < prec)%Z -> 0 <= ee ->
  0 <= el -> 0 <= ep -> 0 <= lam -> kernel_lse_shifted prec emin ee el lam N x xh d w s l r ->
  theta = 1 \/ (lam = 0 /\ theta = tail N x) ->
  let M := format_model prec emin ee el ep lam in
  let a := largest N x in
  let sigma := sum_error M (stretch M) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) (drift M N x a) theta
                         (INR N) (lse N x - a) in
  sigma < 1 -> Rabs (r - lse N x) <= lse_shifted M sigma (lse N x - a) (lse N x).
Proof.
  intros prec emin ee el ep lam N x xh d w s l r theta Hp He Hel Hep Hl H Hth M a sigma Hs.
  apply (lse_shifted_bound M (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) N x xh (largest N xh) d w s l r theta).
  - apply format_sound; assumption.
  - apply gamma_of_pos.
  - apply kappa_of_pos; exact Hl.
  - apply kernel_sum_length with prec emin lam w s, H.
  - exact Hth.
  - apply run_of_lse_shifted; assumption.
  - exact Hs.
Qed.

(* The same from the length alone. *)
Theorem ieee_lse_shifted_worst_case : forall prec emin ee el ep lam N x xh d w s l r, (0 < prec)%Z -> 0 <= ee ->
  0 <= el -> 0 <= ep -> 0 <= lam -> kernel_lse_shifted prec emin ee el lam N x xh d w s l r ->
  let M := format_model prec emin ee el ep lam in
  let sigma := sum_error M (stretch M) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1))
                         (drift_from_length M (INR N)) 1 (INR N) 0 in
  sigma < 1 -> Rabs (r - lse N x) <= lse_shifted M sigma (ln (INR N)) (lse N x).
Proof.
  intros prec emin ee el ep lam N x xh d w s l r Hp He Hel Hep Hl H M sigma Hs.
  apply (lse_shifted_worst_case M (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) N x xh (largest N xh) d w s l r).
  - apply format_sound; assumption.
  - apply gamma_of_pos.
  - apply kappa_of_pos; exact Hl.
  - apply kernel_sum_length with prec emin lam w s, H.
  - apply run_of_lse_shifted; assumption.
  - exact Hs.
Qed.

(* Any number of the format as the shift. *)
Theorem ieee_lse_arbitrary_shift : forall prec emin ee el ep lam N x xh a ah d w s l r, (0 < prec)%Z -> 0 <= ee ->
  0 <= el -> 0 <= ep -> 0 <= lam -> kernel_lse_arbitrary_shift prec emin ee el lam N x xh a ah d w s l r ->
  let M := format_model prec emin ee el ep lam in
  let sigma := sum_error M (stretch M) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) (drift M N x a) 1
                         (INR N) (lse N x - a) in
  sigma < 1 -> Rabs (r - lse N x) <= lse_shifted M sigma (lse N x - a) (lse N x).
Proof.
  intros prec emin ee el ep lam N x xh a ah d w s l r Hp He Hel Hep Hl [Fa [Ha H]] M sigma Hs.
  apply (lse_arbitrary_shift_bound M (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) N x xh a ah d w s l r).
  - apply format_sound; assumption.
  - apply gamma_of_pos.
  - apply kappa_of_pos; exact Hl.
  - apply kernel_sum_length with prec emin lam w s, H.
  - apply run_of_lse_by; try assumption; [apply read_fmt with lam a; assumption | apply format_reads; assumption].
  - exact Hs.
Qed.

(* Without a shift. *)
Theorem ieee_lse_naive : forall prec emin ee el ep lam N x xh w s r, (0 < prec)%Z -> 0 <= ee -> 0 <= el ->
  0 <= ep -> 0 <= lam -> kernel_lse_naive prec emin ee el lam N x xh w s r ->
  let M := format_model prec emin ee el ep lam in
  let sigma := sum_error M (expm1 lam) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) 0 1 (INR N) (lse N x) in
  sigma < 1 -> Rabs (r - lse N x) <= lse_naive M sigma (lse N x).
Proof.
  intros prec emin ee el ep lam N x xh w s r Hp He Hel Hep Hl H M sigma Hs.
  apply (lse_naive_bound M (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) N x xh w s r).
  - apply format_sound; assumption.
  - apply gamma_of_pos.
  - apply kappa_of_pos; exact Hl.
  - apply kernel_sum_length with prec emin lam w s, H.
  - apply run_of_lse_naive; assumption.
  - exact Hs.
Qed.

(* --------------------------------------------------------------------------------------------------- softmax *)

(* An entry by division. *)
Theorem ieee_softmax_shifted : forall prec emin ee el ep lam N x xh d w s j r theta, (0 < prec)%Z -> 0 <= ee ->
  0 <= el -> 0 <= ep -> 0 <= lam -> kernel_softmax_shifted prec emin ee lam N x xh d w s j r ->
  theta = 1 \/ (lam = 0 /\ theta = tail N x) ->
  let M := format_model prec emin ee el ep lam in
  let a := largest N x in
  let sigma := sum_error M (stretch M) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) (drift M N x a) theta
                         (INR N) (lse N x - a) in
  let g := softmax N x j in
  sigma < 1 -> Rabs (r - g) <=
    softmax_entry M (stretch M) sigma g (g * expm1 (bpow radix2 (- prec) * Rabs (x j - a))) (lse N x - a).
Proof.
  intros prec emin ee el ep lam N x xh d w s j r theta Hp He Hel Hep Hl H Hth M a sigma g Hs.
  apply (softmax_shifted_bound M (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) N x xh a (largest N xh)
           d w s j r theta).
  - apply format_sound; assumption.
  - apply gamma_of_pos.
  - apply kappa_of_pos; exact Hl.
  - apply H.
  - apply run_of_softmax_shifted; assumption.
  - destruct Hth as [T|[T1 T2]]; [left; exact T | right; repeat split; assumption].
  - exact Hs.
Qed.

(* Relative to the largest entry. *)
Theorem ieee_softmax_norm : forall prec emin ee el ep lam N x xh d w s j r theta, (0 < prec)%Z -> 0 <= ee ->
  0 <= el -> 0 <= ep -> 0 <= lam -> kernel_softmax_shifted prec emin ee lam N x xh d w s j r ->
  theta = 1 \/ (lam = 0 /\ theta = tail N x) ->
  let M := format_model prec emin ee el ep lam in
  let a := largest N x in
  let sigma := sum_error M (stretch M) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) (drift M N x a) theta
                         (INR N) (lse N x - a) in
  sigma < 1 ->
  Rabs (r - softmax N x j) <= softmax_norm M (stretch M) sigma (lse N x - a) * largest N (softmax N x).
Proof.
  intros prec emin ee el ep lam N x xh d w s j r theta Hp He Hel Hep Hl H Hth M a sigma Hs.
  apply (softmax_norm_bound M (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) N x xh (largest N xh)
           d w s j r theta).
  - apply format_sound; assumption.
  - apply gamma_of_pos.
  - apply kappa_of_pos; exact Hl.
  - apply H.
  - apply run_of_softmax_shifted; assumption.
  - exact Hth.
  - exact Hs.
Qed.

(* Any number of the format as the shift. *)
Theorem ieee_softmax_arbitrary_shift : forall prec emin ee el ep lam N x xh a ah d w s j r, (0 < prec)%Z ->
  0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  kernel_softmax_arbitrary_shift prec emin ee lam N x xh a ah d w s j r ->
  let M := format_model prec emin ee el ep lam in
  let sigma := sum_error M (stretch M) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) (drift M N x a) 1
                         (INR N) (lse N x - a) in
  let g := softmax N x j in
  sigma < 1 -> Rabs (r - g) <=
    softmax_entry M (stretch M) sigma g (g * expm1 (bpow radix2 (- prec) * Rabs (x j - a))) (lse N x - a).
Proof.
  intros prec emin ee el ep lam N x xh a ah d w s j r Hp He Hel Hep Hl [Fa [Ha H]] M sigma g Hs.
  apply (softmax_shifted_bound M (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) N x xh a ah d w s j r 1).
  - apply format_sound; assumption.
  - apply gamma_of_pos.
  - apply kappa_of_pos; exact Hl.
  - apply H.
  - apply run_of_softmax_by; try assumption; [apply read_fmt with lam a; assumption | apply format_reads; assumption].
  - left. reflexivity.
  - exact Hs.
Qed.

(* What is subtracted and exponentiated without a division. *)
Lemma run_of_division_free : forall prec emin ee el ep lam N x xh d w s l v j t r, (0 < prec)%Z -> 0 <= ee ->
  0 <= lam -> kernel_softmax_division_free prec emin ee el lam N x xh d w s l v j t r ->
  run_division_free (format_model prec emin ee el ep lam) x xh v j t r.
Proof.
  intros prec emin ee el ep lam N x xh d w s l v j t r Hp He Hl [H [Hj [Ht Hr]]].
  destruct H as [Hx [_ [_ [_ Hv]]]]. split; [|split].
  - apply run_of_reads with N; assumption.
  - apply format_subtracts; [assumption..| | | exact Ht].
    + apply entry_fmt with lam N x; assumption.
    + apply rounds_fmt with lam (largest N xh + l); [exact Hp | exact Hv].
  - apply run_of_exp; assumption.
Qed.

(* An entry without a division. *)
Theorem ieee_softmax_division_free : forall prec emin ee el ep lam N x xh d w s l v j t r theta, (0 < prec)%Z ->
  0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  kernel_softmax_division_free prec emin ee el lam N x xh d w s l v j t r ->
  theta = 1 \/ (lam = 0 /\ theta = tail N x) ->
  let M := format_model prec emin ee el ep lam in
  let a := largest N x in
  let sigma := sum_error M (stretch M) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) (drift M N x a) theta
                         (INR N) (lse N x - a) in
  let e := lse_shifted M sigma (lse N x - a) (lse N x) in
  let g := softmax N x j in
  sigma < 1 -> Rabs (r - g) <=
    softmax_division_free M e g (g * expm1 (bpow radix2 (- prec) * Rabs (x j - lse N x))).
Proof.
  intros prec emin ee el ep lam N x xh d w s l v j t r theta Hp He Hel Hep Hl H Hth M a sigma e g Hs.
  apply (softmax_division_free_bound M N x xh v e j t r).
  - apply format_sound; assumption.
  - apply H.
  - apply (ieee_lse_shifted prec emin ee el ep lam N x xh d w s l v theta); try assumption. apply H.
  - apply run_of_division_free with N d w s l; assumption.
Qed.

(* The same relative to the largest entry. *)
Theorem ieee_softmax_division_free_norm : forall prec emin ee el ep lam N x xh d w s l v j t r theta, (0 < prec)%Z ->
  0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  kernel_softmax_division_free prec emin ee el lam N x xh d w s l v j t r ->
  theta = 1 \/ (lam = 0 /\ theta = tail N x) ->
  let M := format_model prec emin ee el ep lam in
  let a := largest N x in
  let sigma := sum_error M (stretch M) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) (drift M N x a) theta
                         (INR N) (lse N x - a) in
  let e := lse_shifted M sigma (lse N x - a) (lse N x) in
  sigma < 1 -> Rabs (r - softmax N x j) <= division_free_norm M e (lse N x - a) * largest N (softmax N x).
Proof.
  intros prec emin ee el ep lam N x xh d w s l v j t r theta Hp He Hel Hep Hl H Hth M a sigma e Hs.
  apply (division_free_norm_bound M N x xh v e j t r).
  - apply format_sound; assumption.
  - apply H.
  - apply (ieee_lse_shifted prec emin ee el ep lam N x xh d w s l v theta); try assumption. apply H.
  - apply run_of_division_free with N d w s l; assumption.
Qed.

(* ----------------------------------------------------------------------------------------------- log_softmax *)

(* The difference with the maximum less the logarithm through log1p. *)
Theorem ieee_log_softmax_log1p : forall prec emin ee el ep lam N x xh k d w s l j t r, (0 < prec)%Z -> 0 <= ee ->
  0 <= el -> 0 <= ep -> 0 <= lam -> kernel_log_softmax_log1p prec emin ee ep lam N x xh k d w s l j t r ->
  let M := format_model prec emin ee el ep lam in
  let a := largest N x in
  let sigma := tail_error M (stretch M) (gamma_of prec (N - 2)) (kappa_of prec lam (N - 2)) (drift M N x a)
                          (tail N x) (INR N - 1) (lse N x - a) in
  sigma < 1 -> Rabs (r - log_softmax N x j) <=
    log_softmax_shifted M (log_error (log1p_rel M) (log1p_abs M) sigma (lse N x - a)) (Rabs (x j - a))
                        (log_softmax N x j).
Proof.
  intros prec emin ee el ep lam N x xh k d w s l j t r Hp He Hel Hep Hl H M a sigma Hs.
  apply (log_softmax_log1p_bound M (gamma_of prec (N - 2)) (kappa_of prec lam (N - 2)) N x xh k d w s l j t r).
  - apply format_sound; assumption.
  - apply gamma_of_pos.
  - apply kappa_of_pos; exact Hl.
  - destruct H as [_ [Hk _]]. unfold in_range in Hk. lia.
  - apply run_of_log_softmax_log1p; assumption.
  - exact Hs.
Qed.

(* The difference with the maximum less the logarithm of the sum of all. *)
Theorem ieee_log_softmax_shifted : forall prec emin ee el ep lam N x xh d w s l j t r theta, (0 < prec)%Z ->
  0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  kernel_log_softmax_shifted prec emin ee el lam N x xh d w s l j t r ->
  theta = 1 \/ (lam = 0 /\ theta = tail N x) ->
  let M := format_model prec emin ee el ep lam in
  let a := largest N x in
  let sigma := sum_error M (stretch M) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) (drift M N x a) theta
                         (INR N) (lse N x - a) in
  sigma < 1 -> Rabs (r - log_softmax N x j) <=
    log_softmax_shifted M (log_error (log_rel M) (log_abs M) sigma (lse N x - a)) (Rabs (x j - a))
                        (log_softmax N x j).
Proof.
  intros prec emin ee el ep lam N x xh d w s l j t r theta Hp He Hel Hep Hl H Hth M a sigma Hs.
  apply (log_softmax_shifted_bound M (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) N x xh a (largest N xh)
           d w s l j t r theta).
  - apply format_sound; assumption.
  - apply gamma_of_pos.
  - apply kappa_of_pos; exact Hl.
  - destruct H as [_ [_ [H _]]]. apply kernel_sum_length with (1 := H).
  - destruct Hth as [T|[T1 T2]]; [left; exact T | right; repeat split; assumption].
  - apply run_of_log_softmax_shifted; assumption.
  - exact Hs.
Qed.

(* x_j less a computed number v of the format, however it was computed. *)
Lemma ieee_less_lse : forall prec emin ee el ep lam N x xh v e j r, (0 < prec)%Z -> 0 <= ee -> 0 <= el ->
  0 <= ep -> 0 <= lam -> kernel_reads prec emin lam N x xh -> fmt prec emin v -> Rabs (v - lse N x) <= e ->
  in_range N j -> ieee_difference prec emin lam (xh j) v r ->
  Rabs (r - log_softmax N x j) <=
    log_softmax_composed (format_model prec emin ee el ep lam) e (log_softmax N x j).
Proof.
  intros prec emin ee el ep lam N x xh v e j r Hp He Hel Hep Hl Hx Fv Hv Hj Hr.
  apply log_softmax_composed_any with (xh j) v.
  - apply format_sound; assumption.
  - apply run_of_reads with N; assumption.
  - exact Hv.
  - apply format_subtracts; [assumption..| | exact Fv | exact Hr]. apply entry_fmt with lam N x; assumption.
Qed.

(* x_j less a shifted logsumexp. *)
Theorem ieee_log_softmax_composed : forall prec emin ee el ep lam N x xh d w s l v j r theta, (0 < prec)%Z ->
  0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  kernel_log_softmax_composed prec emin ee el lam N x xh d w s l v j r ->
  theta = 1 \/ (lam = 0 /\ theta = tail N x) ->
  let M := format_model prec emin ee el ep lam in
  let a := largest N x in
  let sigma := sum_error M (stretch M) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) (drift M N x a) theta
                         (INR N) (lse N x - a) in
  sigma < 1 -> Rabs (r - log_softmax N x j) <=
    log_softmax_composed M (lse_shifted M sigma (lse N x - a) (lse N x)) (log_softmax N x j).
Proof.
  intros prec emin ee el ep lam N x xh d w s l v j r theta Hp He Hel Hep Hl [H [Hj Hr]] Hth M a sigma Hs.
  apply ieee_less_lse with xh v; try assumption; [apply H | |].
  - destruct H as [_ [_ [_ [_ Hv]]]]. apply rounds_fmt with (2 := Hv). exact Hp.
  - apply (ieee_lse_shifted prec emin ee el ep lam N x xh d w s l v theta); assumption.
Qed.

(* x_j less a logsumexp through log1p. *)
Theorem ieee_log_softmax_composed_log1p : forall prec emin ee el ep lam N x xh k d w s l v j r, (0 < prec)%Z ->
  0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  kernel_log_softmax_composed_log1p prec emin ee ep lam N x xh k d w s l v j r ->
  let M := format_model prec emin ee el ep lam in
  let a := largest N x in
  let sigma := tail_error M (stretch M) (gamma_of prec (N - 2)) (kappa_of prec lam (N - 2)) (drift M N x a)
                          (tail N x) (INR N - 1) (lse N x - a) in
  sigma < 1 -> Rabs (r - log_softmax N x j) <=
    log_softmax_composed M (lse_log1p M sigma (lse N x - a) (lse N x)) (log_softmax N x j).
Proof.
  intros prec emin ee el ep lam N x xh k d w s l v j r Hp He Hel Hep Hl [H [Hj Hr]] M a sigma Hs.
  apply ieee_less_lse with xh v; try assumption; [apply H | |].
  - destruct H as [_ [_ [_ [_ [_ [_ Hv]]]]]]. apply rounds_fmt with (2 := Hv). exact Hp.
  - apply (ieee_lse_log1p prec emin ee el ep lam N x xh k d w s l v); assumption.
Qed.

(* ------------------------------------------------------- the pass with a running maximum, and trees of merges *)

(* One step: the state (m, d) meets y. *)
Definition kernel_online_step (prec emin : Z) (ee lam m d y m' d' : R) : Prop :=
  (y <= m /\ m' = m /\ exists t w, ieee_difference prec emin lam y m t /\ library_exp prec emin ee lam t w /\
     ieee_sum prec emin lam d w d') \/
  (m < y /\ m' = y /\ exists t w p, ieee_difference prec emin lam m y t /\ library_exp prec emin ee lam t w /\
     ieee_product prec emin lam d w p /\ ieee_sum prec emin lam p 1 d').

(* The pass over y_1 .. y_N ends in the state (m, d) after the maximum has risen `rises` times. *)
Inductive kernel_online (prec emin : Z) (ee lam : R) (y : nat -> R) : nat -> R -> R -> nat -> Prop :=
| kernel_online_start : kernel_online prec emin ee lam y 1 (y 1%nat) 1 0
| kernel_online_same : forall n m d rises m' d', kernel_online prec emin ee lam y n m d rises -> y (S n) <= m ->
    kernel_online_step prec emin ee lam m d (y (S n)) m' d' -> kernel_online prec emin ee lam y (S n) m' d' rises
| kernel_online_rise : forall n m d rises m' d', kernel_online prec emin ee lam y n m d rises -> m < y (S n) ->
    kernel_online_step prec emin ee lam m d (y (S n)) m' d' ->
    kernel_online prec emin ee lam y (S n) m' d' (S rises).

(* Two states become one. *)
Definition kernel_merges (prec emin : Z) (ee lam m1 d1 m2 d2 m d : R) : Prop :=
  m = Rmax m1 m2 /\ exists t1 t2 w1 w2 p1 p2,
    ieee_difference prec emin lam m1 m t1 /\ library_exp prec emin ee lam t1 w1 /\
    ieee_product prec emin lam d1 w1 p1 /\ ieee_difference prec emin lam m2 m t2 /\
    library_exp prec emin ee lam t2 w2 /\ ieee_product prec emin lam d2 w2 p2 /\ ieee_sum prec emin lam p1 p2 d.

(* A tree of merges, of height at most h, over the entries i + 1 .. i + n. *)
Inductive kernel_merged (prec emin : Z) (ee lam : R) (y : nat -> R) : nat -> nat -> nat -> R -> R -> Prop :=
| kernel_merged_leaf : forall i, kernel_merged prec emin ee lam y i 1 0 (y (S i)) 1
| kernel_merged_node : forall i n1 n2 h m1 d1 m2 d2 m d, kernel_merged prec emin ee lam y i n1 h m1 d1 ->
    kernel_merged prec emin ee lam y (i + n1) n2 h m2 d2 -> kernel_merges prec emin ee lam m1 d1 m2 d2 m d ->
    kernel_merged prec emin ee lam y i (n1 + n2) (S h) m d
| kernel_merged_higher : forall i n h m d, kernel_merged prec emin ee lam y i n h m d ->
    kernel_merged prec emin ee lam y i n (S h) m d.

(* logsumexp from the pass and from a tree. *)
Definition kernel_lse_online (prec emin : Z) (ee el lam : R) (N : nat) (x xh : nat -> R) (m s : R) (rises : nat)
  (l r : R) : Prop :=
  kernel_reads prec emin lam N x xh /\ kernel_online prec emin ee lam xh N m s rises /\
  library_log prec emin el lam s l /\ ieee_sum prec emin lam m l r.
Definition kernel_lse_merged (prec emin : Z) (ee el lam : R) (N : nat) (x xh : nat -> R) (m s : R) (h : nat)
  (l r : R) : Prop :=
  kernel_reads prec emin lam N x xh /\ kernel_merged prec emin ee lam xh 0 N h m s /\
  library_log prec emin el lam s l /\ ieee_sum prec emin lam m l r.

(* An entry of softmax from the pass: the exponential of x_j - m is computed again. *)
Definition kernel_softmax_online (prec emin : Z) (ee lam : R) (N : nat) (x xh : nat -> R) (m s : R) (rises : nat)
  (d w : nat -> R) (j : nat) (r : R) : Prop :=
  kernel_reads prec emin lam N x xh /\ kernel_online prec emin ee lam xh N m s rises /\
  kernel_exponentials prec emin ee lam N xh m d w /\ in_range N j /\ ieee_quotient prec emin lam (w j) s r.

(* 1 is a number of the format where the subnormals are spaced by no more than 1. *)
Lemma one_fmt : forall prec emin, (0 < prec)%Z -> (emin <= 0)%Z -> fmt prec emin 1.
Proof. intros prec emin Hp He. assert (P : Prec_gt_0 prec) by exact Hp. apply generic_format_FLT_1; assumption. Qed.

(* What is at least 1 is rounded to a number that is. *)
Lemma rounds_at_least_one : forall prec emin lam x r, (0 < prec)%Z -> (emin <= 0)%Z -> lam <= 1 -> 1 <= x ->
  rounds prec emin lam x r -> 1 <= r.
Proof.
  intros prec emin lam x r Hp He Hl Hx [->|[_ H]].
  - assert (P : Prec_gt_0 prec) by exact Hp.
    apply round_ge_generic; [apply FLT_exp_valid; exact P | apply valid_rnd_N | apply one_fmt; assumption | exact Hx].
  - rewrite Rabs_pos_eq in H; lra.
Qed.

(* What is not negative is rounded to a number that is not. *)
Lemma rounds_not_negative : forall prec emin lam x r, (0 < prec)%Z -> 0 <= x -> rounds prec emin lam x r -> 0 <= r.
Proof.
  intros prec emin lam x r Hp Hx [->|[-> _]]; [|apply Rle_refl]. assert (P : Prec_gt_0 prec) by exact Hp.
  apply round_ge_generic; [apply FLT_exp_valid; exact P | apply valid_rnd_N | apply generic_format_0 | exact Hx].
Qed.

(* 0 is not changed. *)
Lemma rounds_zero : forall prec emin lam r, rounds prec emin lam 0 r -> r = 0.
Proof. intros prec emin lam r [->|[-> _]]; [|reflexivity]. apply rnd_exact, zero_fmt. Qed.

(* A product of a number of at least 1. *)
Lemma run_of_product : forall prec emin ee el ep lam d w p, (0 < prec)%Z -> 0 <= lam -> lam <= 1 ->
  fmt prec emin d -> 1 <= d -> ieee_product prec emin lam d w p ->
  multiplies (format_model prec emin ee el ep lam) d w p.
Proof.
  intros prec emin ee el ep lam d w p Hp Hl H1 Fd Hd H. apply format_multiplies; try assumption.
  right. rewrite Rabs_pos_eq; lra.
Qed.

(* A step is a step of Model.v, and keeps the sum a number of the format of at least 1. *)
Lemma run_of_online_step : forall prec emin ee el ep lam m d y m' d', (0 < prec)%Z -> (emin <= 0)%Z -> 0 <= ee ->
  0 <= lam -> lam <= 1 -> fmt prec emin m -> fmt prec emin y -> fmt prec emin d -> 1 <= d ->
  kernel_online_step prec emin ee lam m d y m' d' ->
  online_step (format_model prec emin ee el ep lam) m d y m' d' /\ fmt prec emin m' /\ fmt prec emin d' /\ 1 <= d'.
Proof.
  intros prec emin ee el ep lam m d y m' d' Hp He Hee Hl H1 Fm Fy Fd Hd H.
  assert (F1 := one_fmt prec emin Hp He).
  destruct H as [[C [-> [t [w [Ht [Hw Hs]]]]]]|[C [-> [t [w [p [Ht [Hw [Hm Hs]]]]]]]]].
  - assert (W : 0 <= w) by apply Hw. split; [|split; [exact Fm|split]].
    + left. split; [exact C|]. split; [reflexivity|]. exists t, w. split; [apply format_subtracts; assumption|].
      split; [apply run_of_exp; assumption|]. apply format_adds; [assumption..| apply Hw | exact Hs].
    + apply rounds_fmt with (2 := Hs). exact Hp.
    + apply (rounds_at_least_one prec emin lam (d + w)); [assumption..| lra | exact Hs].
  - assert (W : 0 <= w) by apply Hw.
    assert (P : 0 <= p).
    { apply (rounds_not_negative prec emin lam (d * w)); [exact Hp | apply Rmult_le_pos; lra | exact Hm]. }
    split; [|split; [exact Fy|split]].
    + right. split; [exact C|]. split; [reflexivity|]. exists t, w, p. split; [apply format_subtracts; assumption|].
      split; [apply run_of_exp; assumption|]. split; [apply run_of_product; assumption|].
      apply format_adds; [assumption..| | exact F1 | exact Hs]. apply rounds_fmt with (2 := Hm). exact Hp.
    + apply rounds_fmt with (2 := Hs). exact Hp.
    + apply (rounds_at_least_one prec emin lam (p + 1)); [assumption..| lra | exact Hs].
Qed.

(* So is the pass. *)
Theorem run_of_online : forall prec emin ee el ep lam y N m d rises, (0 < prec)%Z -> (emin <= 0)%Z -> 0 <= ee ->
  0 <= lam -> lam <= 1 -> kernel_online prec emin ee lam y N m d rises ->
  (forall i, in_range N i -> fmt prec emin (y i)) ->
  online (format_model prec emin ee el ep lam) y N m d rises /\ fmt prec emin m /\ fmt prec emin d /\ 1 <= d.
Proof.
  intros prec emin ee el ep lam y N m d rises Hp He Hee Hl H1 H.
  induction H as [|n m d rises m' d' H IH C Hs|n m d rises m' d' H IH C Hs]; intro Fy.
  - split; [apply online_start|]. split; [apply Fy, in_range_last|].
    split; [apply one_fmt; assumption | apply Rle_refl].
  - destruct IH as [Ho [Fm [Fd Hd]]]; [intros i Hi; apply Fy, in_range_step, Hi|].
    destruct (run_of_online_step prec emin ee el ep lam m d (y (S n)) m' d' Hp He Hee Hl H1 Fm
                (Fy _ (in_range_last n)) Fd Hd Hs) as [R K].
    split; [|exact K]. apply online_same with m d; assumption.
  - destruct IH as [Ho [Fm [Fd Hd]]]; [intros i Hi; apply Fy, in_range_step, Hi|].
    destruct (run_of_online_step prec emin ee el ep lam m d (y (S n)) m' d' Hp He Hee Hl H1 Fm
                (Fy _ (in_range_last n)) Fd Hd Hs) as [R K].
    split; [|exact K]. apply online_rise with m d; assumption.
Qed.

(* What is left of a state that is moved to a maximum of at least its own. *)
Lemma moved_state : forall prec emin ee lam m1 m d1 t w p, (0 < prec)%Z -> (emin <= 0)%Z -> lam <= 1 -> 1 <= d1 ->
  ieee_difference prec emin lam m1 m t -> library_exp prec emin ee lam t w -> ieee_product prec emin lam d1 w p ->
  0 <= p /\ (m1 = m -> 1 <= p).
Proof.
  intros prec emin ee lam m1 m d1 t w p Hp He H1 Hd Ht [[_ [W W1]] _] Hm. split.
  - apply (rounds_not_negative prec emin lam (d1 * w)); [exact Hp | apply Rmult_le_pos; lra | exact Hm].
  - intros ->. unfold ieee_difference in Ht. rewrite Rminus_diag_eq in Ht by reflexivity.
    apply (rounds_at_least_one prec emin lam (d1 * w)); [assumption..| | exact Hm].
    rewrite (W1 (rounds_zero _ _ _ _ Ht)). lra.
Qed.

(* A merge is one of Model.v, and keeps the sum a number of the format of at least 1. *)
Lemma run_of_merges : forall prec emin ee el ep lam m1 d1 m2 d2 m d, (0 < prec)%Z -> (emin <= 0)%Z -> 0 <= ee ->
  0 <= lam -> lam <= 1 -> fmt prec emin m1 -> fmt prec emin d1 -> 1 <= d1 -> fmt prec emin m2 -> fmt prec emin d2 ->
  1 <= d2 -> kernel_merges prec emin ee lam m1 d1 m2 d2 m d ->
  merges (format_model prec emin ee el ep lam) m1 d1 m2 d2 m d /\ fmt prec emin m /\ fmt prec emin d /\ 1 <= d.
Proof.
  intros prec emin ee el ep lam m1 d1 m2 d2 m d Hp He Hee Hl H1 Fm1 Fd1 Hd1 Fm2 Fd2 Hd2
    [Em [t1 [t2 [w1 [w2 [p1 [p2 [Ht1 [Hw1 [Hp1 [Ht2 [Hw2 [Hp2 Hs]]]]]]]]]]]]].
  assert (Fm : fmt prec emin m).
  { rewrite Em. unfold Rmax. destruct (Rle_dec m1 m2); assumption. }
  destruct (moved_state prec emin ee lam m1 m d1 t1 w1 p1) as [P1 Q1]; try assumption.
  destruct (moved_state prec emin ee lam m2 m d2 t2 w2 p2) as [P2 Q2]; try assumption.
  split; [|split; [exact Fm|split]].
  - split; [exact Em|]. exists t1, t2, w1, w2, p1, p2.
    split; [apply format_subtracts; assumption|]. split; [apply run_of_exp; assumption|].
    split; [apply run_of_product; assumption|].
    split; [apply format_subtracts; assumption|]. split; [apply run_of_exp; assumption|].
    split; [apply run_of_product; assumption|].
    apply format_adds; [assumption..| | | exact Hs].
    + apply rounds_fmt with (2 := Hp1). exact Hp.
    + apply rounds_fmt with (2 := Hp2). exact Hp.
  - apply rounds_fmt with (2 := Hs). exact Hp.
  - apply (rounds_at_least_one prec emin lam (p1 + p2)); [assumption..| | exact Hs].
    unfold Rmax in Em. destruct (Rle_dec m1 m2).
    + assert (1 <= p2) by (apply Q2; symmetry; exact Em). lra.
    + assert (1 <= p1) by (apply Q1; symmetry; exact Em). lra.
Qed.

(* So is a tree of them. *)
Theorem run_of_merged : forall prec emin ee el ep lam y i n h m d, (0 < prec)%Z -> (emin <= 0)%Z -> 0 <= ee ->
  0 <= lam -> lam <= 1 -> kernel_merged prec emin ee lam y i n h m d ->
  (forall j, in_range n j -> fmt prec emin (y (i + j)%nat)) ->
  merged (format_model prec emin ee el ep lam) y i n h m d /\ fmt prec emin m /\ fmt prec emin d /\ 1 <= d.
Proof.
  intros prec emin ee el ep lam y i n h m d Hp He Hee Hl H1 H.
  induction H as [i|i n1 n2 h m1 d1 m2 d2 m d H IH H' IH' Hs|i n h m d H IH]; intro Fy.
  - split; [apply merged_leaf|]. split.
    + replace (S i) with (i + 1)%nat by lia. apply Fy. unfold in_range. lia.
    + split; [apply one_fmt; assumption | apply Rle_refl].
  - destruct IH as [Ho [Fm [Fd Hd]]]; [intros j Hj; apply Fy; unfold in_range in *; lia|].
    destruct IH' as [Ho' [Fm' [Fd' Hd']]].
    { intros j Hj. replace (i + n1 + j)%nat with (i + (n1 + j))%nat by lia. apply Fy. unfold in_range in *. lia. }
    destruct (run_of_merges prec emin ee el ep lam m1 d1 m2 d2 m d) as [R K]; try assumption.
    split; [|exact K]. apply merged_node with m1 d1 m2 d2; assumption.
  - destruct (IH Fy) as [Ho K]. split; [apply merged_higher; exact Ho | exact K].
Qed.

(* logsumexp from the pass. *)
Theorem ieee_lse_online : forall prec emin ee el ep lam N x xh m s rises l r, (0 < prec)%Z -> (emin <= 0)%Z ->
  0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam -> lam <= 1 ->
  kernel_lse_online prec emin ee el lam N x xh m s rises l r ->
  let M := format_model prec emin ee el ep lam in
  let a := largest N x in
  let sigma := online_error M N rises (drift M N x a) (lse N x - a) in
  sigma < 1 -> Rabs (r - lse N x) <= lse_shifted M sigma (lse N x - a) (lse N x).
Proof.
  intros prec emin ee el ep lam N x xh m s rises l r Hp He Hee Hel Hep Hl H1 [Hx [Ho [Hlog Hr]]] M a sigma Hs.
  destruct (run_of_online prec emin ee el ep lam xh N m s rises) as [O [Fm _]]; try assumption.
  { intros i Hi. apply entry_fmt with lam N x; assumption. }
  apply (lse_online_bound M N x xh m s rises l r).
  - apply format_sound; assumption.
  - apply run_of_reads; assumption.
  - exact O.
  - apply run_of_log; assumption.
  - apply format_adds; [assumption..| apply Hlog | exact Hr].
  - exact Hs.
Qed.

(* logsumexp from a tree of merges. *)
Theorem ieee_lse_merged : forall prec emin ee el ep lam N x xh m s h l r, (0 < prec)%Z -> (emin <= 0)%Z ->
  0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam -> lam <= 1 ->
  kernel_lse_merged prec emin ee el lam N x xh m s h l r ->
  let M := format_model prec emin ee el ep lam in
  let a := largest N x in
  let sigma := merged_error M N h (drift M N x a) (lse N x - a) in
  sigma < 1 -> Rabs (r - lse N x) <= lse_shifted M sigma (lse N x - a) (lse N x).
Proof.
  intros prec emin ee el ep lam N x xh m s h l r Hp He Hee Hel Hep Hl H1 [Hx [Ho [Hlog Hr]]] M a sigma Hs.
  destruct (run_of_merged prec emin ee el ep lam xh 0 N h m s) as [O [Fm _]]; try assumption.
  { intros i Hi. apply entry_fmt with lam N x; assumption. }
  apply (lse_merged_bound M N x xh h m s l r).
  - apply format_sound; assumption.
  - apply run_of_reads; assumption.
  - exact O.
  - apply run_of_log; assumption.
  - apply format_adds; [assumption..| apply Hlog | exact Hr].
  - exact Hs.
Qed.

(* softmax from the pass is a run of Model.v. *)
Lemma run_of_softmax_online : forall prec emin ee el ep lam N x xh m s rises d w j r, (0 < prec)%Z ->
  (emin <= 0)%Z -> 0 <= ee -> 0 <= lam -> lam <= 1 ->
  kernel_softmax_online prec emin ee lam N x xh m s rises d w j r ->
  run_softmax_online (format_model prec emin ee el ep lam) N x xh m s rises d w j r.
Proof.
  intros prec emin ee el ep lam N x xh m s rises d w j r Hp He Hee Hl H1 [Hx [Ho [Hw [Hj Hr]]]].
  destruct (run_of_online prec emin ee el ep lam xh N m s rises) as [O [Fm _]]; try assumption.
  { intros i Hi. apply entry_fmt with lam N x; assumption. }
  split; [exact O|]. split; [apply run_of_exponentials; assumption | apply format_divides; assumption].
Qed.

(* An entry of softmax from the pass. *)
Theorem ieee_softmax_online : forall prec emin ee el ep lam N x xh m s rises d w j r, (0 < prec)%Z ->
  (emin <= 0)%Z -> 0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam -> lam <= 1 ->
  kernel_softmax_online prec emin ee lam N x xh m s rises d w j r ->
  let M := format_model prec emin ee el ep lam in
  let a := largest N x in
  let sigma := online_error M N rises (drift M N x a) (lse N x - a) in
  let g := softmax N x j in
  sigma < 1 -> Rabs (r - g) <=
    softmax_entry M (stretch M) sigma g (g * expm1 (bpow radix2 (- prec) * Rabs (x j - a))) (lse N x - a).
Proof.
  intros prec emin ee el ep lam N x xh m s rises d w j r Hp He Hee Hel Hep Hl H1 H M a sigma g Hs.
  apply (softmax_online_bound M N x xh m s rises d w j r).
  - apply format_sound; assumption.
  - apply H.
  - apply run_of_softmax_online; assumption.
  - exact Hs.
Qed.

(* The same relative to the largest entry. *)
Theorem ieee_softmax_online_norm : forall prec emin ee el ep lam N x xh m s rises d w j r, (0 < prec)%Z ->
  (emin <= 0)%Z -> 0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam -> lam <= 1 ->
  kernel_softmax_online prec emin ee lam N x xh m s rises d w j r ->
  let M := format_model prec emin ee el ep lam in
  let a := largest N x in
  let sigma := online_error M N rises (drift M N x a) (lse N x - a) in
  sigma < 1 ->
  Rabs (r - softmax N x j) <= softmax_norm M (stretch M) sigma (lse N x - a) * largest N (softmax N x).
Proof.
  intros prec emin ee el ep lam N x xh m s rises d w j r Hp He Hee Hel Hep Hl H1 H M a sigma Hs.
  apply (softmax_online_norm_bound M N x xh m s rises d w j r).
  - apply format_sound; assumption.
  - apply H.
  - apply run_of_softmax_online; assumption.
  - exact Hs.
Qed.

(* ------------------------------------------------------------------------------------- a chain of logaddexp *)

(* The larger of p and q plus log1p of the exponential of their difference, and a fold of it over a vector. *)
Definition kernel_logaddexp (prec emin : Z) (ee ep lam p q r : R) : Prop :=
  exists d w l, ieee_difference prec emin lam (Rmin p q) (Rmax p q) d /\ library_exp prec emin ee lam d w /\
    library_log1p prec emin ep lam w l /\ ieee_sum prec emin lam (Rmax p q) l r.

(* It ends in r after n entries. *)
Inductive kernel_chained (prec emin : Z) (ee ep lam : R) (y : nat -> R) : nat -> R -> Prop :=
| kernel_chained_start : kernel_chained prec emin ee ep lam y 1 (y 1%nat)
| kernel_chained_next : forall n p r, kernel_chained prec emin ee ep lam y n p ->
    kernel_logaddexp prec emin ee ep lam p (y (S n)) r -> kernel_chained prec emin ee ep lam y (S n) r.

(* One logaddexp is a run of Model.v. *)
Lemma run_of_logaddexp : forall prec emin ee el ep lam p q r, (0 < prec)%Z -> 0 <= ee -> 0 <= ep -> 0 <= lam ->
  fmt prec emin p -> fmt prec emin q -> kernel_logaddexp prec emin ee ep lam p q r ->
  run_logaddexp (format_model prec emin ee el ep lam) p q r.
Proof.
  intros prec emin ee el ep lam p q r Hp He Hep Hl Fp Fq [d [w [l [Hd [Hw [Hlog Hr]]]]]].
  assert (Fmin : fmt prec emin (Rmin p q)) by (unfold Rmin; destruct (Rle_dec p q); assumption).
  assert (Fmax : fmt prec emin (Rmax p q)) by (unfold Rmax; destruct (Rle_dec p q); assumption).
  exists d, w, l. split; [apply format_subtracts; assumption|]. split; [apply run_of_exp; assumption|].
  split; [apply run_of_log1p; assumption|]. apply format_adds; [assumption..| apply Hlog | exact Hr].
Qed.

(* So is a chain, and its result is a number of the format. *)
Lemma run_of_chained : forall prec emin ee el ep lam y N r, (0 < prec)%Z -> 0 <= ee -> 0 <= ep -> 0 <= lam ->
  kernel_chained prec emin ee ep lam y N r -> (forall i, in_range N i -> fmt prec emin (y i)) ->
  chained (format_model prec emin ee el ep lam) y N r /\ fmt prec emin r.
Proof.
  intros prec emin ee el ep lam y N r Hp He Hep Hl H. induction H as [|n p r H IH Hs]; intro Fy.
  - split; [apply chained_start | apply Fy, in_range_last].
  - destruct IH as [C Fp]; [intros i Hi; apply Fy, in_range_step, Hi|]. split.
    + apply chained_next with p; [exact C|]. apply run_of_logaddexp; try assumption. apply Fy, in_range_last.
    + destruct Hs as [d [w [l [_ [_ [_ Hr]]]]]]. apply rounds_fmt with (2 := Hr). exact Hp.
Qed.

(* One logaddexp. *)
Theorem ieee_logaddexp : forall prec emin ee el ep lam p q r, (0 < prec)%Z -> 0 <= ee -> 0 <= el -> 0 <= ep ->
  0 <= lam -> fmt prec emin p -> fmt prec emin q -> kernel_logaddexp prec emin ee ep lam p q r ->
  let M := format_model prec emin ee el ep lam in
  let y := ln (exp p + exp q) in
  pair_error M < 1 ->
  Rabs (r - y) <= (1 + u M) * log_error (log1p_rel M) (log1p_abs M) (pair_error M) (ln (1 + exp (- Rabs (p - q))))
    + u M * Rabs y + lam.
Proof.
  intros prec emin ee el ep lam p q r Hp He Hel Hep Hl Fp Fq H M y HP.
  apply (logaddexp_gap_bound M p q r); [apply format_sound; assumption | | exact HP].
  apply run_of_logaddexp; assumption.
Qed.

(* A chain of logaddexp; no partial result exceeds size. *)
Theorem ieee_chained : forall prec emin ee el ep lam N x xh r size, (0 < prec)%Z -> 0 <= ee -> 0 <= el -> 0 <= ep ->
  0 <= lam -> kernel_reads prec emin lam N x xh -> kernel_chained prec emin ee ep lam xh N r ->
  (forall n, in_range N n -> Rabs (lse n x) <= size) ->
  let M := format_model prec emin ee el ep lam in
  pair_error M < 1 -> Rabs (r - lse N x) <= lse_chained M N size.
Proof.
  intros prec emin ee el ep lam N x xh r size Hp He Hel Hep Hl Hx H Hsz M HP.
  apply (chained_bound M N x xh r size); try assumption.
  - apply format_sound; assumption.
  - apply roundoff_range. exact Hp.
  - apply run_of_reads; assumption.
  - apply run_of_chained; try assumption. intros i Hi. apply entry_fmt with lam N x; assumption.
Qed.

(* ---------------------------------------------------------------------------------------------- four formats *)

(* binary64: logsumexp through log1p, with the numbers of the format for M. *)
Theorem binary64_lse_log1p : forall ee el ep lam N x xh k d w s l r, 0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  kernel_lse_log1p 53 (-1074) ee ep lam N x xh k d w s l r ->
  let M := binary64 ee el ep lam in
  let a := largest N x in
  let sigma := tail_error M (stretch M) (gamma_of 53 (N - 2)) (kappa_of 53 lam (N - 2)) (drift M N x a) (tail N x)
                          (INR N - 1) (lse N x - a) in
  sigma < 1 -> Rabs (r - lse N x) <= lse_log1p M sigma (lse N x - a) (lse N x).
Proof. intros. apply ieee_lse_log1p with xh k d w s l; try assumption. lia. Qed.

(* Every entry of softmax, relative to the largest. *)
Theorem binary64_softmax_norm : forall ee el ep lam N x xh d w s j r, 0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  kernel_softmax_shifted 53 (-1074) ee lam N x xh d w s j r ->
  let M := binary64 ee el ep lam in
  let a := largest N x in
  let sigma := sum_error M (stretch M) (gamma_of 53 (N - 1)) (kappa_of 53 lam (N - 1)) (drift M N x a) 1
                         (INR N) (lse N x - a) in
  sigma < 1 ->
  Rabs (r - softmax N x j) <= softmax_norm M (stretch M) sigma (lse N x - a) * largest N (softmax N x).
Proof. intros. apply ieee_softmax_norm with xh d w s; try assumption; [lia | left; reflexivity]. Qed.

(* binary32: logsumexp through log1p, with the numbers of the format for M. *)
Theorem binary32_lse_log1p : forall ee el ep lam N x xh k d w s l r, 0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  kernel_lse_log1p 24 (-149) ee ep lam N x xh k d w s l r ->
  let M := binary32 ee el ep lam in
  let a := largest N x in
  let sigma := tail_error M (stretch M) (gamma_of 24 (N - 2)) (kappa_of 24 lam (N - 2)) (drift M N x a) (tail N x)
                          (INR N - 1) (lse N x - a) in
  sigma < 1 -> Rabs (r - lse N x) <= lse_log1p M sigma (lse N x - a) (lse N x).
Proof. intros. apply ieee_lse_log1p with xh k d w s l; try assumption. lia. Qed.

(* Every entry of softmax, relative to the largest. *)
Theorem binary32_softmax_norm : forall ee el ep lam N x xh d w s j r, 0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  kernel_softmax_shifted 24 (-149) ee lam N x xh d w s j r ->
  let M := binary32 ee el ep lam in
  let a := largest N x in
  let sigma := sum_error M (stretch M) (gamma_of 24 (N - 1)) (kappa_of 24 lam (N - 1)) (drift M N x a) 1
                         (INR N) (lse N x - a) in
  sigma < 1 ->
  Rabs (r - softmax N x j) <= softmax_norm M (stretch M) sigma (lse N x - a) * largest N (softmax N x).
Proof. intros. apply ieee_softmax_norm with xh d w s; try assumption; [lia | left; reflexivity]. Qed.

(* binary16: logsumexp through log1p, with the numbers of the format for M. *)
Theorem binary16_lse_log1p : forall ee el ep lam N x xh k d w s l r, 0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  kernel_lse_log1p 11 (-24) ee ep lam N x xh k d w s l r ->
  let M := binary16 ee el ep lam in
  let a := largest N x in
  let sigma := tail_error M (stretch M) (gamma_of 11 (N - 2)) (kappa_of 11 lam (N - 2)) (drift M N x a) (tail N x)
                          (INR N - 1) (lse N x - a) in
  sigma < 1 -> Rabs (r - lse N x) <= lse_log1p M sigma (lse N x - a) (lse N x).
Proof. intros. apply ieee_lse_log1p with xh k d w s l; try assumption. lia. Qed.

(* Every entry of softmax, relative to the largest. *)
Theorem binary16_softmax_norm : forall ee el ep lam N x xh d w s j r, 0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  kernel_softmax_shifted 11 (-24) ee lam N x xh d w s j r ->
  let M := binary16 ee el ep lam in
  let a := largest N x in
  let sigma := sum_error M (stretch M) (gamma_of 11 (N - 1)) (kappa_of 11 lam (N - 1)) (drift M N x a) 1
                         (INR N) (lse N x - a) in
  sigma < 1 ->
  Rabs (r - softmax N x j) <= softmax_norm M (stretch M) sigma (lse N x - a) * largest N (softmax N x).
Proof. intros. apply ieee_softmax_norm with xh d w s; try assumption; [lia | left; reflexivity]. Qed.

(* bfloat16: logsumexp through log1p, with the numbers of the format for M. *)
Theorem bfloat16_lse_log1p : forall ee el ep lam N x xh k d w s l r, 0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  kernel_lse_log1p 8 (-133) ee ep lam N x xh k d w s l r ->
  let M := bfloat16 ee el ep lam in
  let a := largest N x in
  let sigma := tail_error M (stretch M) (gamma_of 8 (N - 2)) (kappa_of 8 lam (N - 2)) (drift M N x a) (tail N x)
                          (INR N - 1) (lse N x - a) in
  sigma < 1 -> Rabs (r - lse N x) <= lse_log1p M sigma (lse N x - a) (lse N x).
Proof. intros. apply ieee_lse_log1p with xh k d w s l; try assumption. lia. Qed.

(* Every entry of softmax, relative to the largest. *)
Theorem bfloat16_softmax_norm : forall ee el ep lam N x xh d w s j r, 0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam ->
  kernel_softmax_shifted 8 (-133) ee lam N x xh d w s j r ->
  let M := bfloat16 ee el ep lam in
  let a := largest N x in
  let sigma := sum_error M (stretch M) (gamma_of 8 (N - 1)) (kappa_of 8 lam (N - 1)) (drift M N x a) 1
                         (INR N) (lse N x - a) in
  sigma < 1 ->
  Rabs (r - softmax N x j) <= softmax_norm M (stretch M) sigma (lse N x - a) * largest N (softmax N x).
Proof. intros. apply ieee_softmax_norm with xh d w s; try assumption; [lia | left; reflexivity]. Qed.

(* ------------------------------------------------------------------------------------------ in plain numbers *)

(* Nothing is flushed in this part. The bounds from the length alone grow with it, so those for n entries hold for all
   shorter vectors. *)

(* kappa is 0 where nothing is flushed. *)
Lemma kappa_of_gradual : forall prec k, kappa_of prec 0 k = 0.
Proof. intros prec k. unfold kappa_of. ring. Qed.

(* gamma grows with the number of additions. *)
Lemma gamma_of_increases : forall prec k k', (k <= k')%nat -> gamma_of prec k <= gamma_of prec k'.
Proof. intros prec k k' H. apply Rmult_le_compat_r; [apply bpow_ge_0 | apply le_INR; exact H]. Qed.

(* What the length says of the drift and of the tail grows with it. *)
Lemma length_increases : forall M N n, 0 <= u M -> (1 <= N <= n)%nat ->
  0 <= drift_from_length M (INR N) <= drift_from_length M (INR n) /\ 0 <= 1 - / INR N <= 1 - / INR n /\
  0 <= ln (INR N) <= ln (INR n) /\ 0 <= INR N - 1 <= INR n - 1.
Proof.
  intros M N n Hu [H1 Hn]. assert (A : 1 <= INR N) by (change 1 with (INR 1); apply le_INR; exact H1).
  assert (B : INR N <= INR n) by (apply le_INR; exact Hn).
  assert (C : 0 <= ln (INR N)) by (rewrite <- ln_1; apply le_log; lra).
  assert (D : ln (INR N) <= ln (INR n)) by (apply le_log; lra).
  split; [|split; [|split; [lra|lra]]].
  - split; [apply expm1_nonnegative, Rmult_le_pos; assumption|].
    apply expm1_increases, Rmult_le_compat_l; assumption.
  - split; [|generalize (Rinv_le_contravar (INR N) (INR n)); lra].
    generalize (Rinv_le_contravar 1 (INR N)). rewrite Rinv_1. lra.
Qed.

(* What a sum of n terms errs by in the worst case, but for the maximum, *)
Definition plain_tail (v eta ee n : R) : R :=
  let terms := expm1 (v * ln n) + 2 * ee * v * (1 - / n + expm1 (v * ln n)) + (n - 1) * (ee * eta) in
  terms + (n - 2) * v * (1 - / n + terms).
(* and of all. *)
Definition plain_sum (v eta ee n : R) : R :=
  let terms := expm1 (v * ln n) + 2 * ee * v * (1 + expm1 (v * ln n)) + n * (ee * eta) in
  terms + (n - 1) * v * (1 + terms).

(* plain_tail is the closed form at n entries. *)
Lemma plain_tail_form : forall prec emin ee el ep n, (2 <= n)%nat ->
  let M := format_model prec emin ee el ep 0 in
  tail_error M (stretch M) (gamma_of prec (n - 2)) 0 (drift_from_length M (INR n)) (1 - / INR n) (INR n - 1) 0 =
  plain_tail (bpow radix2 (- prec)) (bpow radix2 emin) ee (INR n).
Proof.
  intros prec emin ee el ep n Hn M. rewrite (stretch_without_flush M (eq_refl 0)).
  unfold tail_error, tail_terms_error, plain_tail, drift_from_length, gamma_of, both.
  cbn [M format_model u exp_rel exp_abs]. rewrite Ropp_0, exp_0, minus_INR by exact Hn.
  change (INR 2) with 2. ring.
Qed.

(* So is plain_sum. *)
Lemma plain_sum_form : forall prec emin ee el ep n, (1 <= n)%nat ->
  let M := format_model prec emin ee el ep 0 in
  sum_error M (stretch M) (gamma_of prec (n - 1)) 0 (drift_from_length M (INR n)) 1 (INR n) 0 =
  plain_sum (bpow radix2 (- prec)) (bpow radix2 emin) ee (INR n).
Proof.
  intros prec emin ee el ep n Hn M. rewrite (stretch_without_flush M (eq_refl 0)).
  unfold sum_error, terms_error, plain_sum, drift_from_length, gamma_of, both.
  cbn [M format_model u exp_rel exp_abs]. rewrite Ropp_0, exp_0, minus_INR by exact Hn.
  change (INR 1) with 1. ring.
Qed.

(* For fewer entries the closed form is smaller: without the maximum, *)
Lemma plain_tail_bounds : forall prec emin ee el ep N n, (0 < prec)%Z -> 0 <= ee -> 0 <= el -> 0 <= ep ->
  (1 <= N <= n)%nat -> (2 <= n)%nat ->
  let M := format_model prec emin ee el ep 0 in
  tail_error M (stretch M) (gamma_of prec (N - 2)) 0 (drift_from_length M (INR N)) (1 - / INR N) (INR N - 1) 0 <=
  plain_tail (bpow radix2 (- prec)) (bpow radix2 emin) ee (INR n).
Proof.
  intros prec emin ee el ep N n Hp He Hel Hep HN Hn M. rewrite <- (plain_tail_form prec emin ee el ep n Hn).
  fold M. assert (S : sound M) by (apply format_sound; try assumption; apply Rle_refl).
  assert (U := roundoff_range prec Hp). assert (E := bpow_gt_0 radix2 emin).
  destruct (length_increases M N n) as [[V V'] [[T T'] [_ [C C']]]]; [apply S | exact HN|].
  assert (X := stretch_nonnegative M S). assert (G := gamma_of_pos prec (N - 2)).
  apply Rle_trans with (tail_error M (stretch M) (gamma_of prec (N - 2)) 0 (drift_from_length M (INR n))
                                   (1 - / INR n) (INR N - 1) 0).
  { apply tail_error_increases; try assumption; apply Rle_refl. }
  unfold tail_error. set (p := tail_terms_error M _ _ _ (INR N - 1) 0).
  set (q := tail_terms_error M _ _ _ (INR n - 1) 0).
  assert (A : 0 <= exp_rel M * (1 - / INR n + stretch M + drift_from_length M (INR n)) * (1 + stretch M)).
  { apply Rmult_le_pos; [apply Rmult_le_pos; [apply S | lra] | lra]. }
  assert (B : 0 <= both (drift_from_length M (INR n)) (stretch M)) by (apply both_nonnegative; lra).
  assert (D : 0 <= exp_abs M * exp (- 0)) by (apply Rmult_le_pos; [apply S | left; apply exp_pos]).
  assert (P : 0 <= p).
  { unfold p, tail_terms_error. rewrite Rmult_assoc with (r2 := exp_abs M).
    assert (0 <= (INR N - 1) * (exp_abs M * exp (- 0))) by (apply Rmult_le_pos; lra). lra. }
  assert (Q : p <= q).
  { unfold p, q, tail_terms_error. rewrite !Rmult_assoc with (r2 := exp_abs M).
    apply Rplus_le_compat_l, Rmult_le_compat_r; lra. }
  apply Rplus_le_compat_r, Rplus_le_compat; [exact Q|]. apply Rmult_le_compat; try lra.
  apply gamma_of_increases. lia.
Qed.

(* and with it. *)
Lemma plain_sum_bounds : forall prec emin ee el ep N n, (0 < prec)%Z -> 0 <= ee -> 0 <= el -> 0 <= ep ->
  (1 <= N <= n)%nat ->
  let M := format_model prec emin ee el ep 0 in
  sum_error M (stretch M) (gamma_of prec (N - 1)) 0 (drift_from_length M (INR N)) 1 (INR N) 0 <=
  plain_sum (bpow radix2 (- prec)) (bpow radix2 emin) ee (INR n).
Proof.
  intros prec emin ee el ep N n Hp He Hel Hep HN M.
  rewrite <- (plain_sum_form prec emin ee el ep n) by lia.
  fold M. assert (S : sound M) by (apply format_sound; try assumption; apply Rle_refl).
  destruct (length_increases M N n) as [[V V'] [_ [_ [C C']]]]; [apply S | exact HN|].
  assert (X := stretch_nonnegative M S). assert (G := gamma_of_pos prec (N - 1)).
  apply Rle_trans with (sum_error M (stretch M) (gamma_of prec (N - 1)) 0 (drift_from_length M (INR n)) 1 (INR N) 0).
  { apply sum_error_increases; try assumption; try apply Rle_refl. lra. }
  unfold sum_error. set (p := terms_error M _ _ _ (INR N) 0). set (q := terms_error M _ _ _ (INR n) 0).
  assert (A : 0 <= exp_rel M * (1 + drift_from_length M (INR n)) * (1 + stretch M)).
  { apply Rmult_le_pos; [apply Rmult_le_pos; [apply S | lra] | lra]. }
  assert (B : 0 <= both (drift_from_length M (INR n)) (stretch M)) by (apply both_nonnegative; lra).
  assert (D : 0 <= exp_abs M * exp (- 0)) by (apply Rmult_le_pos; [apply S | left; apply exp_pos]).
  assert (P : 0 <= p).
  { unfold p, terms_error. rewrite Rmult_assoc with (r2 := exp_abs M).
    assert (0 <= INR N * (exp_abs M * exp (- 0))) by (apply Rmult_le_pos; lra). lra. }
  assert (Q : p <= q).
  { unfold p, q, terms_error. rewrite !Rmult_assoc with (r2 := exp_abs M).
    apply Rplus_le_compat_l, Rmult_le_compat_r; lra. }
  apply Rplus_le_compat_r. apply Rle_trans with (both q (gamma_of prec (N - 1))).
  - apply both_increases_l; assumption.
  - apply both_increases_r; [lra|]. apply gamma_of_increases. lia.
Qed.

(* The error of the logarithm of n terms whose sum errs by sigma, once more rounded. *)
Definition plain_log (v eta k n sigma : R) : R :=
  (1 + v) * ((1 + 2 * k * v) * (sigma / (1 - sigma)) + 2 * k * v * ln n + k * eta).

(* logsumexp through log1p of at most n entries. *)
Theorem plain_lse_log1p : forall prec emin ee ep N n x xh k d w s l r sigma, (0 < prec)%Z -> 0 <= ee -> 0 <= ep ->
  (N <= n)%nat -> (2 <= n)%nat -> kernel_lse_log1p prec emin ee ep 0 N x xh k d w s l r ->
  plain_tail (bpow radix2 (- prec)) (bpow radix2 emin) ee (INR n) <= sigma -> sigma < 1 ->
  Rabs (r - lse N x) <= bpow radix2 (- prec) * Rabs (lse N x) +
    plain_log (bpow radix2 (- prec)) (bpow radix2 emin) ep (INR n) sigma.
Proof.
  intros prec emin ee ep N n x xh k d w s l r sigma Hp He Hep Hn H2 H Hs H1.
  assert (HN : (1 <= N <= n)%nat) by (destruct H as [_ [Hk _]]; unfold in_range in Hk; lia).
  assert (B := plain_tail_bounds prec emin ee 0 ep N n Hp He (Rle_refl 0) Hep HN H2).
  assert (W := ieee_lse_log1p_worst_case prec emin ee 0 ep 0 N x xh k d w s l r Hp He (Rle_refl 0) Hep (Rle_refl 0) H).
  set (M := format_model prec emin ee 0 ep 0) in *. rewrite kappa_of_gradual in W. cbv zeta in W, B.
  assert (S : sound M) by (apply format_sound; try assumption; apply Rle_refl).
  destruct (length_increases M N n) as [_ [_ [[C C'] _]]]; [apply S | exact HN|].
  apply Rle_trans with (1 := W (Rle_lt_trans _ _ _ B (Rle_lt_trans _ _ _ Hs H1))).
  apply Rle_trans with (lse_log1p M sigma (ln (INR n)) (lse N x)).
  - apply lse_log1p_increases; [exact S | apply Rle_trans with (1 := B), Hs | exact H1|].
    rewrite !Rabs_pos_eq; lra.
  - apply Req_le. unfold lse_log1p, shift_back, log_error, plain_log. cbn [M format_model u log1p_rel log1p_abs flush].
    rewrite (Rabs_pos_eq (ln (INR n))) by lra. ring.
Qed.

(* logsumexp shifted by the maximum, of at most n entries. *)
Theorem plain_lse_shifted : forall prec emin ee el N n x xh d w s l r sigma, (0 < prec)%Z -> 0 <= ee -> 0 <= el ->
  (N <= n)%nat -> kernel_lse_shifted prec emin ee el 0 N x xh d w s l r ->
  plain_sum (bpow radix2 (- prec)) (bpow radix2 emin) ee (INR n) <= sigma -> sigma < 1 ->
  Rabs (r - lse N x) <= bpow radix2 (- prec) * Rabs (lse N x) +
    plain_log (bpow radix2 (- prec)) (bpow radix2 emin) el (INR n) sigma.
Proof.
  intros prec emin ee el N n x xh d w s l r sigma Hp He Hel Hn H Hs H1.
  assert (HN : (1 <= N <= n)%nat).
  { split; [|exact Hn]. apply kernel_sum_length with prec emin 0 w s, H. }
  assert (B := plain_sum_bounds prec emin ee el 0 N n Hp He Hel (Rle_refl 0) HN).
  assert (W := ieee_lse_shifted_worst_case prec emin ee el 0 0 N x xh d w s l r Hp He Hel (Rle_refl 0) (Rle_refl 0) H).
  set (M := format_model prec emin ee el 0 0) in *. rewrite kappa_of_gradual in W. cbv zeta in W, B.
  assert (S : sound M) by (apply format_sound; try assumption; apply Rle_refl).
  destruct (length_increases M N n) as [_ [_ [[C C'] _]]]; [apply S | exact HN|].
  apply Rle_trans with (1 := W (Rle_lt_trans _ _ _ B (Rle_lt_trans _ _ _ Hs H1))).
  apply Rle_trans with (lse_shifted M sigma (ln (INR n)) (lse N x)).
  - apply lse_shifted_increases; [exact S | apply Rle_trans with (1 := B), Hs | exact H1|].
    rewrite !Rabs_pos_eq; lra.
  - apply Req_le. unfold lse_shifted, shift_back, log_error, plain_log. cbn [M format_model u log_rel log_abs flush].
    rewrite (Rabs_pos_eq (ln (INR n))) by lra. ring.
Qed.

(* The unit roundoff of a format of n digits. *)
Lemma roundoff_power : forall prec n, prec = Z.of_nat n -> bpow radix2 (- prec) = / 2 ^ n.
Proof. intros prec n ->. apply bpow_reciprocal. Qed.

(* The subnormals are so small that their size does not matter. *)
Lemma tiny : forall emin n, (emin <= - Z.of_nat n)%Z -> 0 <= bpow radix2 emin <= / 2 ^ n.
Proof. intros emin n H. split; [apply bpow_ge_0|]. rewrite <- bpow_reciprocal. apply bpow_le. exact H. Qed.

(* log_softmax through log1p, of at most n entries. *)
Theorem plain_log_softmax_log1p : forall prec emin ee ep N n x xh k d w s l j t r sigma, (0 < prec)%Z -> 0 <= ee ->
  0 <= ep -> (N <= n)%nat -> (2 <= n)%nat -> kernel_log_softmax_log1p prec emin ee ep 0 N x xh k d w s l j t r ->
  plain_tail (bpow radix2 (- prec)) (bpow radix2 emin) ee (INR n) <= sigma -> sigma < 1 ->
  Rabs (r - log_softmax N x j) <=
    (2 + bpow radix2 (- prec)) * bpow radix2 (- prec) * Rabs (log_softmax N x j) +
    plain_log (bpow radix2 (- prec)) (bpow radix2 emin) ep (INR n) sigma.
Proof.
  intros prec emin ee ep N n x xh k d w s l j t r sigma Hp He Hep Hn H2 H Hs H1.
  assert (HN : (1 <= N <= n)%nat) by (destruct H as [_ [Hk _]]; unfold in_range in Hk; lia).
  assert (Hj : in_range N j) by apply H. assert (U := roundoff_range prec Hp).
  assert (B := plain_tail_bounds prec emin ee 0 ep N n Hp He (Rle_refl 0) Hep HN H2).
  assert (R := run_of_log_softmax_log1p prec emin ee 0 ep 0 N x xh k d w s l j t r Hp He Hep (Rle_refl 0) H).
  rewrite kappa_of_gradual in R. set (M := format_model prec emin ee 0 ep 0) in *. cbv zeta in B.
  assert (S : sound M) by (apply format_sound; try assumption; apply Rle_refl).
  destruct (length_increases M N n) as [_ [_ [[C C'] _]]]; [apply S | exact HN|].
  assert (W := log_softmax_log1p_worst_case M (gamma_of prec (N - 2)) 0 N x xh k d w s l j t r S
                 (gamma_of_pos prec (N - 2)) (Rle_refl 0) (proj1 HN) R).
  cbv zeta in W. apply Rle_trans with (1 := W (Rle_lt_trans _ _ _ B (Rle_lt_trans _ _ _ Hs H1))).
  apply Rle_trans with (log_softmax_shifted M (log_error (log1p_rel M) (log1p_abs M) sigma (ln (INR n)))
                          (Rabs (log_softmax N x j)) (log_softmax N x j)).
  - apply Rle_trans with (log_softmax_shifted M (log_error (log1p_rel M) (log1p_abs M) sigma (ln (INR n)))
                            (Rabs (x j - largest N x)) (log_softmax N x j)).
    + apply log_softmax_shifted_increases; [apply S|].
      apply log_error_increases; [apply S | apply Rle_trans with (1 := B), Hs | exact H1|]. rewrite !Rabs_pos_eq; lra.
    + assert (D : Rabs (x j - largest N x) <= Rabs (log_softmax N x j)).
      { assert (A := largest_bounds N x j Hj). assert (A' := largest_at_most_lse N x (proj1 HN)). unfold log_softmax.
        rewrite !Rabs_left1; lra. }
      apply Rmult_le_compat_l with (r := u M) in D; [|apply S]. unfold log_softmax_shifted.
      apply Rplus_le_compat_r, Rplus_le_compat_r, Rmult_le_compat_l; [generalize (proj1 (proj1 S)); lra|]. lra.
  - apply Req_le. unfold log_softmax_shifted, zeta, log_error, plain_log.
    cbn [M format_model u log1p_rel log1p_abs flush]. rewrite (Rabs_pos_eq (ln (INR n))) by lra. ring.
Qed.

(* What an entry of softmax errs by, relative to the largest, where the sum errs by sigma. *)
Definition plain_entry (v eta ee n sigma : R) : R :=
  (1 + v) * (((1 + 2 * ee * v) * (v / (exp 1 * (1 - v))) + (2 * ee * v + sigma) + ee * eta) / (1 - sigma)) + v +
  eta / 2 * n.

(* softmax of at most n entries. *)
Theorem plain_softmax : forall prec emin ee N n x xh d w s j r sigma, (0 < prec)%Z -> 0 <= ee -> (N <= n)%nat ->
  kernel_softmax_shifted prec emin ee 0 N x xh d w s j r ->
  plain_sum (bpow radix2 (- prec)) (bpow radix2 emin) ee (INR n) <= sigma -> sigma < 1 ->
  Rabs (r - softmax N x j) <=
    plain_entry (bpow radix2 (- prec)) (bpow radix2 emin) ee (INR n) sigma * largest N (softmax N x).
Proof.
  intros prec emin ee N n x xh d w s j r sigma Hp He Hn H Hs H1. assert (U := roundoff_range prec Hp).
  assert (HN : (1 <= N <= n)%nat).
  { split; [|exact Hn]. apply kernel_sum_length with prec emin 0 w s, H. }
  assert (B := plain_sum_bounds prec emin ee 0 0 N n Hp He (Rle_refl 0) (Rle_refl 0) HN).
  assert (W := ieee_softmax_norm prec emin ee 0 0 0 N x xh d w s j r 1 Hp He (Rle_refl 0) (Rle_refl 0) (Rle_refl 0) H
                 (or_introl (eq_refl 1))).
  set (M := format_model prec emin ee 0 0 0) in *. rewrite kappa_of_gradual in W. cbv zeta in W, B.
  assert (S : sound M) by (apply format_sound; try assumption; apply Rle_refl).
  destruct (length_increases M N n) as [[V _] [_ [[C C'] [C2 C3]]]]; [apply S | exact HN|].
  destruct (lse_above_largest N x (proj1 HN)) as [L0 L1].
  set (p := sum_error M (stretch M) (gamma_of prec (N - 1)) 0 (drift M N x (largest N x)) 1 (INR N)
                      (lse N x - largest N x)) in *.
  assert (P : p <= sigma).
  { apply Rle_trans with (2 := Hs). apply Rle_trans with (2 := B). apply sum_error_increases; try lra.
    - exact S.
    - apply stretch_nonnegative, S.
    - apply gamma_of_pos.
    - apply drift_at_most_length; [exact (proj1 HN) | cbn; lra]. }
  assert (T : 0 <= largest N (softmax N x)).
  { rewrite largest_softmax by exact (proj1 HN). left. apply exp_pos. }
  apply Rle_trans with (1 := W (Rle_lt_trans _ _ _ P H1)). apply Rmult_le_compat_r; [exact T|].
  rewrite (stretch_without_flush M (eq_refl 0)). unfold softmax_norm, plain_entry, both.
  cbn [M format_model u exp_rel exp_abs under].
  set (v := bpow radix2 (- prec)) in *. assert (E := bpow_gt_0 radix2 emin). set (eta := bpow radix2 emin) in *.
  assert (P0 : 0 <= p).
  { unfold p. unfold sum_error, terms_error.
    assert (D := drift_nonnegative M N x (largest N x) (proj1 (proj1 S)) (proj1 HN)).
    rewrite (stretch_without_flush M (eq_refl 0)). assert (G := gamma_of_pos prec (N - 1)).
    assert (0 <= exp_rel M * (1 + drift M N x (largest N x)) * (1 + 0)).
    { apply Rmult_le_pos; [apply Rmult_le_pos; [apply S | lra] | lra]. }
    assert (0 <= INR N * exp_abs M * exp (- (lse N x - largest N x))).
    { apply Rmult_le_pos; [apply Rmult_le_pos; [lra | apply S] | left; apply exp_pos]. }
    assert (0 <= both (both (drift M N x (largest N x)) 0 + exp_rel M * (1 + drift M N x (largest N x)) * (1 + 0) +
      INR N * exp_abs M * exp (- (lse N x - largest N x))) (gamma_of prec (N - 1))).
    { apply both_nonnegative; [|exact G]. assert (0 <= both (drift M N x (largest N x)) 0).
      { apply both_nonnegative; lra. } lra. }
    lra. }
  assert (F : 0 <= 2 * ee * v) by (apply Rmult_le_pos; lra).
  assert (K : 0 <= v / (exp 1 * (1 - v))).
  { apply Rmult_le_pos; [lra|]. left. apply Rinv_0_lt_compat, Rmult_lt_0_compat; [apply exp_pos | lra]. }
  assert (K' : 0 <= (1 + 2 * ee * v) * (v / (exp 1 * (1 - v)))) by (apply Rmult_le_pos; lra).
  assert (Z : 0 <= ee * eta) by (apply Rmult_le_pos; lra).
  apply Rplus_le_compat; [apply Rplus_le_compat_r, Rmult_le_compat_l; [lra|]|].
  - apply Rmult_le_compat.
    + replace (2 * ee * v + 0 + 2 * ee * v * 0) with (2 * ee * v) by ring. lra.
    + left. apply Rinv_0_lt_compat. lra.
    + replace (2 * ee * v + 0 + 2 * ee * v * 0) with (2 * ee * v) by ring. lra.
    + apply Rinv_le_contravar; lra.
  - rewrite Rplus_0_r. apply Rmult_le_compat_l; [lra|]. rewrite <- (exp_ln (INR n)) by lra. apply le_exp. lra.
Qed.

(* The numbers of a format in the conclusion of a theorem above; eta is the size of its subnormals. *)
Ltac in_numbers P len digits emin small eta T :=
  let E := fresh in
  assert (E : INR len = IZR (Z.of_nat len)) by apply INR_IZR_INZ;
  let c := eval compute in (Z.of_nat len) in change (Z.of_nat len) with c in E; rewrite E in P;
  let p := eval compute in (Z.of_nat digits) in rewrite (roundoff_power p digits eq_refl) in P;
  assert (T := tiny emin small ltac:(lia)); set (eta := bpow radix2 emin) in *; clearbody eta.

(* binary64, functions within one unit in the last place, 1000 entries. *)
Lemma binary64_numbers : forall eta, 0 <= eta <= / 2 ^ 100 ->
  plain_tail (/ 2 ^ 53) eta 1 1000 <= 112 / 10 ^ 15 /\ plain_sum (/ 2 ^ 53) eta 1 1000 <= 112 / 10 ^ 15 /\
  plain_log (/ 2 ^ 53) eta 1 1000 (112 / 10 ^ 15) <= 114 / 10 ^ 15 /\
  plain_entry (/ 2 ^ 53) eta 1 1000 (112 / 10 ^ 15) <= 113 / 10 ^ 15.
Proof.
  intros eta H. unfold plain_tail, plain_sum, plain_log, plain_entry, expm1. repeat split; enclose.
Qed.

(* So any vector of up to 1000 numbers, whatever they are: logsumexp through log1p; *)
Theorem binary64_lse_log1p_1000 : forall N x xh k d w s l r, (N <= 1000)%nat ->
  kernel_lse_log1p 53 (-1074) 1 1 0 N x xh k d w s l r ->
  Rabs (r - lse N x) <= / 2 ^ 53 * Rabs (lse N x) + 114 / 10 ^ 15.
Proof.
  intros N x xh k d w s l r HN H.
  assert (P := plain_lse_log1p 53 (-1074) 1 1 N 1000 x xh k d w s l r (112 / 10 ^ 15)
                 ltac:(lia) ltac:(lra) ltac:(lra) HN ltac:(lia) H).
  in_numbers P 1000%nat 53%nat (-1074)%Z 100%nat eta T.
  generalize (binary64_numbers eta T) (P ltac:(apply binary64_numbers, T) ltac:(lra)). lra.
Qed.

(* logsumexp with the logarithm of the full sum; *)
Theorem binary64_lse_shifted_1000 : forall N x xh d w s l r, (N <= 1000)%nat ->
  kernel_lse_shifted 53 (-1074) 1 1 0 N x xh d w s l r ->
  Rabs (r - lse N x) <= / 2 ^ 53 * Rabs (lse N x) + 114 / 10 ^ 15.
Proof.
  intros N x xh d w s l r HN H.
  assert (P := plain_lse_shifted 53 (-1074) 1 1 N 1000 x xh d w s l r (112 / 10 ^ 15)
                 ltac:(lia) ltac:(lra) ltac:(lra) HN H).
  in_numbers P 1000%nat 53%nat (-1074)%Z 100%nat eta T.
  generalize (binary64_numbers eta T) (P ltac:(apply binary64_numbers, T) ltac:(lra)). lra.
Qed.

(* log_softmax through log1p, where 21/10 is 2 + u rounded up; *)
Theorem binary64_log_softmax_log1p_1000 : forall N x xh k d w s l j t r, (N <= 1000)%nat ->
  kernel_log_softmax_log1p 53 (-1074) 1 1 0 N x xh k d w s l j t r ->
  Rabs (r - log_softmax N x j) <= 21 / 10 / 2 ^ 53 * Rabs (log_softmax N x j) + 114 / 10 ^ 15.
Proof.
  intros N x xh k d w s l j t r HN H.
  assert (P := plain_log_softmax_log1p 53 (-1074) 1 1 N 1000 x xh k d w s l j t r (112 / 10 ^ 15)
                 ltac:(lia) ltac:(lra) ltac:(lra) HN ltac:(lia) H).
  in_numbers P 1000%nat 53%nat (-1074)%Z 100%nat eta T.
  apply Rle_trans with (1 := P ltac:(apply binary64_numbers, T) ltac:(lra)).
  apply Rplus_le_compat; [apply Rmult_le_compat_r; [apply Rabs_pos | lra] | apply binary64_numbers, T].
Qed.

(* every entry of softmax, relative to the largest one. *)
Theorem binary64_softmax_1000 : forall N x xh d w s j r, (N <= 1000)%nat ->
  kernel_softmax_shifted 53 (-1074) 1 0 N x xh d w s j r ->
  Rabs (r - softmax N x j) <= 113 / 10 ^ 15 * largest N (softmax N x).
Proof.
  intros N x xh d w s j r HN H.
  assert (P := plain_softmax 53 (-1074) 1 N 1000 x xh d w s j r (112 / 10 ^ 15) ltac:(lia) ltac:(lra) HN H).
  in_numbers P 1000%nat 53%nat (-1074)%Z 100%nat eta T.
  apply Rle_trans with (1 := P ltac:(apply binary64_numbers, T) ltac:(lra)).
  apply Rmult_le_compat_r; [|apply binary64_numbers, T].
  assert (HN1 : (1 <= N)%nat) by (apply (kernel_sum_length 53 (-1074) 0 N w s), H).
  rewrite largest_softmax by exact HN1. left. apply exp_pos.
Qed.

(* binary32, functions within one unit in the last place, 1000 entries. *)
Lemma binary32_numbers : forall eta, 0 <= eta <= / 2 ^ 100 ->
  plain_tail (/ 2 ^ 24) eta 1 1000 <= 5997 / 10 ^ 8 /\ plain_log (/ 2 ^ 24) eta 1 1000 (5997 / 10 ^ 8) <= 61 / 10 ^ 6.
Proof.
  intros eta H. unfold plain_tail, plain_log, expm1. split; enclose.
Qed.

(* So any vector of up to that many numbers, through log1p. *)
Theorem binary32_lse_log1p_1000 : forall N x xh k d w s l r, (N <= 1000)%nat ->
  kernel_lse_log1p 24 (-149) 1 1 0 N x xh k d w s l r ->
  Rabs (r - lse N x) <= / 2 ^ 24 * Rabs (lse N x) + 61 / 10 ^ 6.
Proof.
  intros N x xh k d w s l r HN H.
  assert (P := plain_lse_log1p 24 (-149) 1 1 N 1000 x xh k d w s l r (5997 / 10 ^ 8)
                 ltac:(lia) ltac:(lra) ltac:(lra) HN ltac:(lia) H).
  in_numbers P 1000%nat 24%nat (-149)%Z 100%nat eta T.
  generalize (binary32_numbers eta T) (P ltac:(apply binary32_numbers, T) ltac:(lra)). lra.
Qed.

(* binary16, 10 entries. *)
Lemma binary16_numbers : forall eta, 0 <= eta <= / 2 ^ 24 ->
  plain_tail (/ 2 ^ 11) eta 1 10 <= 5530 / 10 ^ 6 /\ plain_log (/ 2 ^ 11) eta 1 10 (5530 / 10 ^ 6) <= 79 / 10 ^ 4.
Proof.
  intros eta H. unfold plain_tail, plain_log, expm1. split; enclose.
Qed.

(* So any vector of up to that many numbers, through log1p. *)
Theorem binary16_lse_log1p_10 : forall N x xh k d w s l r, (N <= 10)%nat ->
  kernel_lse_log1p 11 (-24) 1 1 0 N x xh k d w s l r ->
  Rabs (r - lse N x) <= / 2 ^ 11 * Rabs (lse N x) + 79 / 10 ^ 4.
Proof.
  intros N x xh k d w s l r HN H.
  assert (P := plain_lse_log1p 11 (-24) 1 1 N 10 x xh k d w s l r (5530 / 10 ^ 6)
                 ltac:(lia) ltac:(lra) ltac:(lra) HN ltac:(lia) H).
  in_numbers P 10%nat 11%nat (-24)%Z 24%nat eta T.
  generalize (binary16_numbers eta T) (P ltac:(apply binary16_numbers, T) ltac:(lra)). lra.
Qed.

(* bfloat16, 10 entries. *)
Lemma bfloat16_numbers : forall eta, 0 <= eta <= / 2 ^ 100 ->
  plain_tail (/ 2 ^ 8) eta 1 10 <= 4477 / 10 ^ 5 /\ plain_log (/ 2 ^ 8) eta 1 10 (4477 / 10 ^ 5) <= 66 / 10 ^ 3.
Proof.
  intros eta H. unfold plain_tail, plain_log, expm1. split; enclose.
Qed.

(* So any vector of up to that many numbers, through log1p. *)
Theorem bfloat16_lse_log1p_10 : forall N x xh k d w s l r, (N <= 10)%nat ->
  kernel_lse_log1p 8 (-133) 1 1 0 N x xh k d w s l r ->
  Rabs (r - lse N x) <= / 2 ^ 8 * Rabs (lse N x) + 66 / 10 ^ 3.
Proof.
  intros N x xh k d w s l r HN H.
  assert (P := plain_lse_log1p 8 (-133) 1 1 N 10 x xh k d w s l r (4477 / 10 ^ 5)
                 ltac:(lia) ltac:(lra) ltac:(lra) HN ltac:(lia) H).
  in_numbers P 10%nat 8%nat (-133)%Z 100%nat eta T.
  generalize (bfloat16_numbers eta T) (P ltac:(apply bfloat16_numbers, T) ltac:(lra)). lra.
Qed.


(* ------------------------------------------------------------------------------------------------ no overflow *)

(* The largest number of a format is positive. *)
Lemma omega_pos : forall prec emax, (0 < prec)%Z -> 0 < omega prec emax.
Proof.
  intros prec emax Hp. apply Rmult_lt_0_compat; [|apply bpow_gt_0].
  assert (bpow radix2 (1 - prec) <= bpow radix2 0) by (apply bpow_le; lia).
  change (bpow radix2 0) with 1 in H. lra.
Qed.

(* Exponentials are not negative, so their sum is that of their absolute values. *)
Lemma sum_of_kernel_exponentials : forall prec emin ee lam N xh ah d w,
  kernel_exponentials prec emin ee lam N xh ah d w -> total N (fun i => Rabs (w i)) = total N w.
Proof.
  intros prec emin ee lam N xh ah d w H. apply eq_total. intros i Hi. apply Rabs_pos_eq, (H i Hi).
Qed.

(* The same without the entry k. *)
Lemma sum_of_other_exponentials : forall prec emin ee lam N k xh ah d w,
  kernel_exponentials prec emin ee lam N xh ah d w ->
  total N (fun i => Rabs (without k w i)) = total N (without k w).
Proof.
  intros prec emin ee lam N k xh ah d w H. apply eq_total. intros i Hi. apply Rabs_pos_eq. unfold without.
  destruct (Nat.eqb i k); [apply Rle_refl | apply (H i Hi)].
Qed.

(* No number on the way to the sum of logsumexp shifted by the maximum exceeds the largest of the format. *)
Theorem ieee_lse_shifted_in_range : forall prec emin emax ee el ep lam N x xh d w s l r theta t c v, (0 < prec)%Z ->
  0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam -> kernel_lse_shifted prec emin ee el lam N x xh d w s l r ->
  theta = 1 \/ (lam = 0 /\ theta = tail N x) ->
  let M := format_model prec emin ee el ep lam in
  let a := largest N x in
  let sigma := sum_error M (stretch M) (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) (drift M N x a) theta
                         (INR N) (lse N x - a) in
  lse N x - a + sigma <= ln (omega prec emax) ->
  Permutation (leaves t) (seq 1 N) -> format_passes prec emin lam w t c v -> Rabs v <= omega prec emax.
Proof.
  intros prec emin emax ee el ep lam N x xh d w s l r theta t c v Hp He Hel Hep Hl H Hth M a sigma Ho Ht Hv.
  assert (Hw := proj1 (proj2 H)).
  apply format_sum_in_range with emin lam N w t c; try assumption; [apply exponentials_fmt with (1 := Hw)|].
  destruct (run_of_lse_shifted prec emin ee el ep lam N x xh d w s l r) as [Ra [Re _]]; try assumption.
  assert (F : total N w + (gamma_of prec (N - 1) * total N (fun i => Rabs (w i)) + kappa_of prec lam (N - 1))
              <= omega prec emax).
  { apply (sum_stays_finite M (gamma_of prec (N - 1)) (kappa_of prec lam (N - 1)) N x xh a (largest N xh) d w theta
             (omega prec emax)).
    - apply format_sound; assumption.
    - apply gamma_of_pos.
    - apply kappa_of_pos; exact Hl.
    - apply kernel_sum_length with prec emin lam w s, H.
    - destruct Hth as [T|[T1 T2]]; [left; exact T | right; repeat split; assumption].
    - exact Ra.
    - exact Re.
    - apply omega_pos. exact Hp.
    - exact Ho. }
  rewrite (sum_of_kernel_exponentials prec emin ee lam N xh (largest N xh) d w Hw) in F |- *.
  unfold kappa_of, gamma_of in F. lra.
Qed.

(* No number on the way to the sum without the maximum does. *)
Theorem ieee_lse_log1p_in_range : forall prec emin emax ee el ep lam N x xh k d w s l r t c v, (0 < prec)%Z ->
  0 <= ee -> 0 <= el -> 0 <= ep -> 0 <= lam -> kernel_lse_log1p prec emin ee ep lam N x xh k d w s l r ->
  let M := format_model prec emin ee el ep lam in
  let a := largest N x in
  let sigma := tail_error M (stretch M) (gamma_of prec (N - 2)) (kappa_of prec lam (N - 2)) (drift M N x a)
                          (tail N x) (INR N - 1) (lse N x - a) in
  lse N x - a + sigma <= ln (omega prec emax) ->
  Permutation (k :: leaves t) (seq 1 N) -> format_passes prec emin lam w t c v -> Rabs v <= omega prec emax.
Proof.
  intros prec emin emax ee el ep lam N x xh k d w s l r t c v Hp He Hel Hep Hl H M a sigma Ho Ht Hv.
  assert (Hw := proj1 (proj2 (proj2 (proj2 H)))). assert (HS : sound M) by (apply format_sound; assumption).
  apply Rle_trans with
    ((1 + gamma_of prec (N - 2)) * total N (fun i => Rabs (without k w i)) + kappa_of prec lam (N - 2)).
  { apply (sum_others_bounded M N k w t c v HS Ht). apply format_passes_tree; try assumption.
    apply others_fmt with N k; [exact Ht|]. intros i Hi _. apply (exponentials_fmt _ _ _ _ _ _ _ _ _ Hw i Hi). }
  destruct (run_of_lse_log1p prec emin ee el ep lam N x xh k d w s l r) as [Hk [Ek [Re _]]]; try assumption.
  assert (F : total N (without k w) +
              (gamma_of prec (N - 2) * total N (fun i => Rabs (without k w i)) + kappa_of prec lam (N - 2))
              <= omega prec emax).
  { apply (tail_stays_finite M (gamma_of prec (N - 2)) (kappa_of prec lam (N - 2)) N x xh k d w (omega prec emax)).
    - exact HS.
    - apply gamma_of_pos.
    - apply kappa_of_pos; exact Hl.
    - unfold in_range in Hk. lia.
    - exact Hk.
    - exact Ek.
    - exact Re.
    - apply omega_pos. exact Hp.
    - exact Ho. }
  rewrite (sum_of_other_exponentials prec emin ee lam N k xh (xh k) d w Hw) in F |- *. lra.
Qed.

(* The largest number of a format exceeds its largest power of 2. *)
Lemma omega_at_least : forall prec emax, (0 < prec)%Z -> bpow radix2 emax <= omega prec emax.
Proof.
  intros prec emax Hp. unfold omega. assert (A : bpow radix2 (1 - prec) <= bpow radix2 0) by (apply bpow_le; lia).
  change (bpow radix2 0) with 1 in A. assert (B := bpow_gt_0 radix2 emax).
  assert (0 <= (1 - bpow radix2 (1 - prec)) * bpow radix2 emax) by (apply Rmult_le_pos; lra). lra.
Qed.

(* Nothing overflows in a sum of at most n exponentials, if ln n and the error sigma of the sum leave room. *)
Theorem plain_lse_shifted_in_range : forall prec emin emax ee el N n x xh d w s l r sigma t c v, (0 < prec)%Z ->
  0 <= ee -> 0 <= el -> (N <= n)%nat -> kernel_lse_shifted prec emin ee el 0 N x xh d w s l r ->
  plain_sum (bpow radix2 (- prec)) (bpow radix2 emin) ee (INR n) <= sigma ->
  ln (INR n) + sigma <= ln (omega prec emax) ->
  Permutation (leaves t) (seq 1 N) -> format_passes prec emin 0 w t c v -> Rabs v <= omega prec emax.
Proof.
  intros prec emin emax ee el N n x xh d w s l r sigma t c v Hp He Hel Hn H Hs Ho Ht Hv.
  assert (U := roundoff_range prec Hp).
  assert (HN : (1 <= N <= n)%nat).
  { split; [|exact Hn]. apply kernel_sum_length with prec emin 0 w s, H. }
  assert (B := plain_sum_bounds prec emin ee el 0 N n Hp He Hel (Rle_refl 0) HN).
  assert (W := ieee_lse_shifted_in_range prec emin emax ee el 0 0 N x xh d w s l r 1 t c v Hp He Hel (Rle_refl 0)
                 (Rle_refl 0) H (or_introl (eq_refl 1))).
  set (M := format_model prec emin ee el 0 0) in *. rewrite kappa_of_gradual in W. cbv zeta in W, B.
  assert (S : sound M) by (apply format_sound; try assumption; apply Rle_refl).
  destruct (length_increases M N n) as [[V _] [_ [[C C'] [C2 C3]]]]; [apply S | exact HN|].
  destruct (lse_above_largest N x (proj1 HN)) as [L0 L1]. apply W; [|exact Ht|exact Hv].
  apply Rle_trans with (2 := Ho). apply Rplus_le_compat; [lra|].
  apply Rle_trans with (2 := Hs). apply Rle_trans with (2 := B). apply sum_error_increases; try lra.
  - exact S.
  - apply stretch_nonnegative, S.
  - apply gamma_of_pos.
  - apply drift_at_most_length; [exact (proj1 HN) | cbn; lra].
Qed.

(* Nor in one without the maximum. *)
Theorem plain_lse_log1p_in_range : forall prec emin emax ee ep N n x xh k d w s l r sigma t c v, (0 < prec)%Z ->
  0 <= ee -> 0 <= ep -> (N <= n)%nat -> (2 <= n)%nat -> kernel_lse_log1p prec emin ee ep 0 N x xh k d w s l r ->
  plain_tail (bpow radix2 (- prec)) (bpow radix2 emin) ee (INR n) <= sigma ->
  ln (INR n) + sigma <= ln (omega prec emax) ->
  Permutation (k :: leaves t) (seq 1 N) -> format_passes prec emin 0 w t c v -> Rabs v <= omega prec emax.
Proof.
  intros prec emin emax ee ep N n x xh k d w s l r sigma t c v Hp He Hep Hn H2 H Hs Ho Ht Hv.
  assert (U := roundoff_range prec Hp).
  assert (HN : (1 <= N <= n)%nat) by (destruct H as [_ [Hk _]]; unfold in_range in Hk; lia).
  assert (B := plain_tail_bounds prec emin ee 0 ep N n Hp He (Rle_refl 0) Hep HN H2).
  assert (W := ieee_lse_log1p_in_range prec emin emax ee 0 ep 0 N x xh k d w s l r t c v Hp He (Rle_refl 0) Hep
                 (Rle_refl 0) H).
  set (M := format_model prec emin ee 0 ep 0) in *. rewrite kappa_of_gradual in W. cbv zeta in W, B.
  assert (S : sound M) by (apply format_sound; try assumption; apply Rle_refl).
  destruct (length_increases M N n) as [[V _] [_ [[C C'] [C2 C3]]]]; [apply S | exact HN|].
  destruct (lse_above_largest N x (proj1 HN)) as [L0 L1]. apply W; [|exact Ht|exact Hv].
  apply Rle_trans with (2 := Ho). apply Rplus_le_compat; [lra|].
  apply Rle_trans with (2 := Hs). apply Rle_trans with (2 := B). apply tail_error_increases; try lra.
  - exact S.
  - apply stretch_nonnegative, S.
  - apply gamma_of_pos.
  - apply drift_at_most_length; [exact (proj1 HN) | cbn; lra].
  - apply tail_at_most. exact (proj1 HN).
Qed.

(* In binary64 there is room enough. *)
Lemma binary64_room : forall sigma, sigma <= 1 -> ln (INR 1000) + sigma <= ln (omega 53 1023).
Proof.
  intros sigma H. apply Rle_trans with (ln (2 ^ 12)).
  - rewrite INR_IZR_INZ. change (Z.of_nat 1000) with 1000%Z. apply Rle_trans with (ln 1000 + 1); [lra | enclose].
  - apply le_log; [lra|]. apply Rle_trans with (2 := omega_at_least 53 1023 ltac:(lia)).
    apply Rle_trans with (bpow radix2 12); [cbn; lra | apply bpow_le; lia].
Qed.

(* So the sum of up to 1000 exponentials is the same in binary64 as with unbounded exponents: the full one, *)
Theorem binary64_lse_shifted_in_range_1000 : forall N x xh d w s l r t c v, (N <= 1000)%nat ->
  kernel_lse_shifted 53 (-1074) 1 1 0 N x xh d w s l r -> Permutation (leaves t) (seq 1 N) ->
  format_passes 53 (-1074) 0 w t c v -> Rabs v <= omega 53 1023.
Proof.
  intros N x xh d w s l r t c v HN H Ht Hv.
  assert (P := plain_lse_shifted_in_range 53 (-1074) 1023 1 1 N 1000 x xh d w s l r (112 / 10 ^ 15) t c v
                 ltac:(lia) ltac:(lra) ltac:(lra) HN H).
  assert (R := binary64_room (112 / 10 ^ 15) ltac:(lra)). apply P; [|exact R|exact Ht|exact Hv]. clear P R.
  rewrite (roundoff_power 53 53 eq_refl), INR_IZR_INZ. change (Z.of_nat 1000) with 1000%Z.
  apply binary64_numbers, tiny. lia.
Qed.

(* and that without the maximum. *)
Theorem binary64_lse_log1p_in_range_1000 : forall N x xh k d w s l r t c v, (N <= 1000)%nat ->
  kernel_lse_log1p 53 (-1074) 1 1 0 N x xh k d w s l r -> Permutation (k :: leaves t) (seq 1 N) ->
  format_passes 53 (-1074) 0 w t c v -> Rabs v <= omega 53 1023.
Proof.
  intros N x xh k d w s l r t c v HN H Ht Hv.
  assert (P := plain_lse_log1p_in_range 53 (-1074) 1023 1 1 N 1000 x xh k d w s l r (112 / 10 ^ 15) t c v
                 ltac:(lia) ltac:(lra) ltac:(lra) HN ltac:(lia) H).
  assert (R := binary64_room (112 / 10 ^ 15) ltac:(lra)). apply P; [|exact R|exact Ht|exact Hv]. clear P R.
  rewrite (roundoff_power 53 53 eq_refl), INR_IZR_INZ. change (Z.of_nat 1000) with 1000%Z.
  apply binary64_numbers, tiny. lia.
Qed.

(* ------------------------------------------------------------------------------------- every vector has a run *)

(* With correctly rounded functions, which are within half a unit in the last place, all that is assumed can be met:
   no theorem above is about nothing. *)

(* A sum can be taken in every order, *)
Lemma format_sum_exists : forall prec emin w t, exists c, format_sum prec emin 0 w t c.
Proof.
  intros prec emin w t. induction t as [i|t1 [c1 H1] t2 [c2 H2]]; [exists (w i); apply format_sum_leaf|].
  exists (rnd prec emin (c1 + c2)). apply format_sum_node with c1 c2; [assumption..|]. left. reflexivity.
Qed.

(* and over any places, *)
Lemma tree_exists : forall i l, exists t, leaves t = i :: l.
Proof.
  intros i l. revert i. induction l as [|j l IH]; intro i; [exists (leaf i); reflexivity|].
  destruct (IH j) as [t E]. exists (node (leaf i) t). cbn. rewrite E. reflexivity.
Qed.

(* so over all places but one. *)
Lemma kernel_sum_others_exists : forall prec emin N k w, in_range N k ->
  exists s, kernel_sum_others prec emin 0 N k w s.
Proof.
  intros prec emin N k w Hk. assert (I : In k (seq 1 N)) by (apply in_seq; unfold in_range in Hk; lia).
  destruct (in_split k _ I) as [p [q E]].
  assert (P : Permutation (k :: p ++ q) (seq 1 N)) by (rewrite E; apply Permutation_middle).
  destruct (p ++ q) as [|i l].
  - exists 0. left. apply Permutation_length in P. rewrite seq_length in P. cbn in P. unfold in_range in Hk.
    repeat split; lia.
  - destruct (tree_exists i l) as [t T]. destruct (format_sum_exists prec emin w t) as [s S]. exists s. right.
    exists t. rewrite T. split; assumption.
Qed.

(* Over all. *)
Lemma kernel_sum_exists : forall prec emin N w, (1 <= N)%nat -> exists s, kernel_sum prec emin 0 N w s.
Proof.
  intros prec emin N w HN. destruct N as [|n]; [lia|]. destruct (tree_exists 1 (seq 2 n)) as [t T].
  destruct (format_sum_exists prec emin w t) as [s S]. exists s, t. rewrite T.
  split; [apply Permutation_refl | exact S].
Qed.

(* The correctly rounded exponentials. *)
Lemma kernel_exponentials_exist : forall prec emin N xh ah, (0 < prec)%Z -> (emin <= 0)%Z ->
  let d := fun i => rnd prec emin (xh i - ah) in
  kernel_exponentials prec emin (/ 2) 0 N xh ah d (fun i => rnd prec emin (exp (d i))).
Proof.
  intros prec emin N xh ah Hp He d i _. split; [left; reflexivity|].
  split; [apply correctly_rounded_exp; assumption | apply rnd_fmt; exact Hp].
Qed.

(* logsumexp through log1p. *)
Theorem kernel_lse_log1p_exists : forall prec emin N x, (0 < prec)%Z -> (emin <= 0)%Z -> (1 <= N)%nat ->
  (forall i, in_range N i -> fmt prec emin (x i)) ->
  exists k d w s l r, kernel_lse_log1p prec emin (/ 2) (/ 2) 0 N x x k d w s l r.
Proof.
  intros prec emin N x Hp He HN Hx. destruct (largest_attained N x HN) as [k [Hk Ek]].
  assert (W := kernel_exponentials_exist prec emin N x (x k) Hp He). cbv zeta in W.
  set (d := fun i => rnd prec emin (x i - x k)) in *. set (w := fun i => rnd prec emin (exp (d i))) in *.
  destruct (kernel_sum_others_exists prec emin N k w Hk) as [s S].
  exists k, d, w, s, (rnd prec emin (ln (1 + s))), (rnd prec emin (x k + rnd prec emin (ln (1 + s)))).
  split; [|split; [exact Hk|split; [symmetry; exact Ek|split; [exact W|split; [exact S|split]]]]].
  - intros i Hi. split; [apply Hx, Hi | left; reflexivity].
  - split; [apply correctly_rounded; exact Hp | apply rnd_fmt; exact Hp].
  - left. reflexivity.
Qed.

(* logsumexp with the logarithm of the full sum, and softmax. *)
Theorem kernel_lse_shifted_exists : forall prec emin N x, (0 < prec)%Z -> (emin <= 0)%Z -> (1 <= N)%nat ->
  (forall i, in_range N i -> fmt prec emin (x i)) ->
  exists d w s l r, kernel_lse_shifted prec emin (/ 2) (/ 2) 0 N x x d w s l r /\
    forall j, in_range N j -> exists g, kernel_softmax_shifted prec emin (/ 2) 0 N x x d w s j g.
Proof.
  intros prec emin N x Hp He HN Hx.
  assert (W := kernel_exponentials_exist prec emin N x (largest N x) Hp He). cbv zeta in W.
  set (d := fun i => rnd prec emin (x i - largest N x)) in *. set (w := fun i => rnd prec emin (exp (d i))) in *.
  destruct (kernel_sum_exists prec emin N w HN) as [s S].
  assert (R : kernel_reads prec emin 0 N x x) by (intros i Hi; split; [apply Hx, Hi | left; reflexivity]).
  exists d, w, s, (rnd prec emin (ln s)), (rnd prec emin (largest N x + rnd prec emin (ln s))). split.
  - split; [exact R|split; [exact W|split; [exact S|split; [|left; reflexivity]]]].
    split; [apply correctly_rounded; exact Hp | apply rnd_fmt; exact Hp].
  - intros j Hj. exists (rnd prec emin (w j / s)).
    split; [exact R|split; [exact W|split; [exact S|split; [exact Hj | left; reflexivity]]]].
Qed.
