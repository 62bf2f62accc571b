from h import run

C = [
    # realistic derivations
    (
        "d1 lecture lse",
        r"""
We have
\begin{align*}
\mathrm{LSE}(\mathbf{x}) &= \log\sum_{i=1}^n \exp(x_i) \\
&= \log\sum_{i=1}^n \exp(x_i - c + c)\\
&= \log\left[\exp(c)\sum_{i=1}^n \exp(x_i - c)\right]\\
&= c + \log\sum_{i=1}^n\exp(x_i-c).
\end{align*}""",
        "TTTT",
    ),
    (
        "d2 wrong sign",
        r"""
\begin{equation*}
\begin{aligned}
\operatorname{logsumexp}(z) &= \log \Big( \sum_{j=1}^{C} e^{z_j} \Big) \\
&= \log \Big( e^{m} \sum_{j=1}^{C} e^{z_j - m} \Big) \\
&= m \cdot \log \Big( \sum_{j=1}^{C} e^{z_j-m} \Big)
\end{aligned}
\end{equation*}""",
        "TTF",
    ),
    (
        "d3 blog softmax C",
        r"""
Multiply by a constant $C$:
$$\frac{e^{f_{y_i}}}{\sum_j e^{f_j}} = \frac{Ce^{f_{y_i}}}{C\sum_j e^{f_j}} = \frac{e^{f_{y_i} + \log C}}{\sum_j e^{f_j + \log C}}$$
A common choice is $\log C = -\max_j f_j$.""",
        "T",
    ),
    (
        "d4 log softmax llm",
        r"""
**Step 1.** Start from the definition:
$$\text{softmax}(\mathbf{z})_i = \frac{e^{z_i}}{\sum_{j=1}^{K} e^{z_j}}$$
**Step 2.** Take the log:
$$\log \text{softmax}(\mathbf{z})_i = z_i - \log \sum_{j=1}^{K} e^{z_j}$$
**Step 3.** Let $m = \max_j z_j$:
$$= z_i - m - \log \sum_{j=1}^{K} e^{z_j - m}$$
""",
        "TTT",
    ),
    (
        "d5 wrong logsoftmax",
        r"""
$$\text{softmax}(\mathbf{z})_i = \frac{e^{z_i}}{\sum_{j=1}^{K} e^{z_j}}$$
$$\log \text{softmax}(\mathbf{z})_i = \frac{z_i}{\log \sum_{j=1}^{K} e^{z_j}}$$
$$\log \text{softmax}(\mathbf{z})_i = z_i - \sum_{j=1}^{K} z_j$$
""",
        "TFF",
    ),
    (
        "d6 mathrm e german",
        r"""
Es gilt für alle $a \in \mathbb{R}$:
\[
\ln\sum_{i=1}^{n} \mathrm{e}^{x_i} = \ln\left(\mathrm{e}^{a}\sum_{i=1}^{n}\mathrm{e}^{x_i-a}\right) \qquad \text{(ausklammern)}
\]
\[
\Leftrightarrow\quad \sum_{i=1}^{n} \mathrm{e}^{x_i} = \mathrm{e}^a \sum_{i=1}^n \mathrm{e}^{x_i-a} \qquad | : \mathrm{e}^a
\]
\[
\Leftrightarrow\quad \mathrm{e}^{-a}\sum_{i=1}^{n} \mathrm{e}^{x_i} = \sum_{i=1}^n \mathrm{e}^{x_i-a}
\]""",
        "TTT",
    ),
    (
        "d7 german wrong",
        r"""
\begin{align*}
\ln\left(\mathrm{e}^{a} + \mathrm{e}^{b}\right) &= \ln \mathrm{e}^a + \ln \mathrm{e}^b && \text{(Logarithmengesetz)}\\
&= a + b && \text{da } \ln \mathrm{e} = 1
\end{align*}""",
        "FT",
    ),
    ("d8 dots", r"$$\log(e^{x_1}+\dots+e^{x_n}) = a + \log(e^{x_1-a}+\dots+e^{x_n-a})$$", "?"),
    ("d9 exp slash sum", r"$$\exp(x_i)/\sum_j \exp(x_j) = \exp(x_i - c)/\sum_j \exp(x_j - c)$$", "T"),
    ("d10 exp slash sum wrong", r"$$\exp(x_i)/\sum_j \exp(x_j) = \exp(x_i - c)/\sum_j \exp(x_j + c)$$", "F"),
    (
        "d11 cross entropy",
        r"""
With $p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}$ the loss is
\begin{align}
L &= -\log p_k \\
&= -\log \frac{e^{z_k}}{\sum_j e^{z_j}}\\
&= -z_k + \log\sum_j e^{z_j}
\end{align}
$$\frac{\partial L}{\partial z_i} = p_i - \delta_{ik}$$
$$\frac{\partial L}{\partial z_i} = p_i - 1$$""",
        "TTTTF",
    ),
    (
        "d12 CE with y",
        r"""
$$L = -\sum_{k=1}^K y_k \log \hat{y}_k, \qquad \hat{y}_k = \frac{e^{z_k}}{\sum_{j=1}^K e^{z_j}}$$
$$L = -\sum_{k=1}^K y_k z_k + \left(\sum_{k=1}^K y_k\right) \log\sum_{j=1}^K e^{z_j}$$
""",
        "TTT",
    ),
    (
        "d12b CE with y hat before",
        r"""
$$\hat{y}_k = \frac{e^{z_k}}{\sum_{j=1}^K e^{z_j}}, \qquad L = -\sum_{k=1}^K y_k \log \hat{y}_k$$
$$L = -\sum_{k=1}^K y_k z_k + \left(\sum_{k=1}^K y_k\right) \log\sum_{j=1}^K e^{z_j}$$
$$\frac{\partial L}{\partial z_i} = \hat{y}_i \sum_{k=1}^K y_k - y_i$$
$$\frac{\partial L}{\partial z_i} = y_i - \hat{y}_i \sum_{k=1}^K y_k$$
""",
        "TTTTF",
    ),
    (
        "d13 sigmoid deriv",
        r"""
$$\sigma(z) = \frac{1}{1+e^{-z}}$$
$$1-\sigma(z) = \sigma(-z)$$
$$\log \sigma(z) = -\log(1+e^{-z})$$
$$\log(1-\sigma(z)) = -z - \log(1+e^{-z})$$
$$\log(1-\sigma(z)) = z - \log(1+e^{-z})$$""",
        "TTTTF",
    ),
    (
        "d14 softplus",
        r"""
\begin{align}
\operatorname{softplus}(x) &= \log(1+e^x)\\
 &= \log(e^{x}(e^{-x}+1))\\
 &= x + \log(1+e^{-x})\\
 &= x + \operatorname{softplus}(-x)
\end{align}
$$\operatorname{softplus}(x) - \operatorname{softplus}(-x) = x$$
$$\operatorname{softplus}(x) = \max(0,x) + \log(1+e^{-|x|})$$
$$\operatorname{softplus}(x) = \max(0,x) - \log(1+e^{-|x|})$$""",
        "TTTTTTF",
    ),
    (
        "d15 temperature",
        r"""
$$p_i(T) = \frac{e^{z_i/T}}{\sum_j e^{z_j/T}}$$
$$\log p_i(T) = \frac{z_i}{T} - \log\sum_j e^{z_j/T}$$""",
        "TT",
    ),
    (
        "d16 tau",
        r"""
\[ \frac{\exp(z_i/\tau)}{\sum_{j}\exp(z_j/\tau)} = \frac{\exp((z_i-c)/\tau)}{\sum_{j}\exp((z_j-c)/\tau)} \]
\[ \frac{\exp(z_i/\tau)}{\sum_{j}\exp(z_j/\tau)} = \left(\frac{\exp(z_i)}{\sum_{j}\exp(z_j)}\right)^{1/\tau} \]
""",
        "TF",
    ),
    (
        "d17 online",
        r"""
Let $m_{\text{new}} = \max(m, x)$. 
$$d_{\text{new}} = d e^{m - m_{\text{new}}} + e^{x - m_{\text{new}}}$$
$$\log d_{\text{new}} + m_{\text{new}} = \log(d e^m + e^x)$$""",
        "TT",
    ),
    (
        "d18 online wrong",
        r"""
Let $m' = \max(m, x)$. 
$$d' = d e^{m' - m} + e^{x - m'}$$
$$\log d' + m' = \log(d e^m + e^x)$$""",
        "TF",
    ),
    (
        "d19 online seq",
        r"""
$$m_j = \max(m_{j-1}, x_j)$$
$$d_j = d_{j-1} e^{m_{j-1} - m_j} + e^{x_j - m_j}$$
$$d_j e^{m_j} = d_{j-1} e^{m_{j-1}} + e^{x_j}$$""",
        "TTT",
    ),
    (
        "d20 weights",
        r"""
$$\log\sum_{i=1}^n w_i e^{x_i} = \log\sum_{i=1}^n e^{x_i + \ln w_i} = c + \log\sum_{i=1}^n e^{x_i+\ln w_i - c}$$""",
        "T",
    ),
    (
        "d21 logmeanexp",
        r"""
$$\log\left(\frac{1}{N}\sum_{i=1}^N e^{x_i}\right) = -\log N + \log\sum_{i=1}^N e^{x_i} = a - \log N + \log\sum_{i=1}^N e^{x_i-a}$$
$$\log\frac{1}{N}\sum_{i=1}^N e^{x_i} = \frac{1}{N}\log\sum_{i=1}^N e^{x_i}$$""",
        "TF",
    ),
    (
        "d22 def c=-max",
        r"""
Set $c = -\max_i x_i$. Then
$$\log\sum_{i=1}^n e^{x_i} = -c + \log\sum_{i=1}^n e^{x_i + c}$$
$$\log\sum_{i=1}^n e^{x_i} = c + \log\sum_{i=1}^n e^{x_i + c}$$
$$x_i + c \le 0$$
$$1 \le \sum_{i=1}^n e^{x_i+c} \le n$$""",
        "TFTT",
    ),
    (
        "d23 underbrace",
        r"""
$$\sum_{i=1}^n p_i = \underbrace{\frac{\sum_i e^{x_i}}{\sum_j e^{x_j}}}_{=1}$$""",
        "?",
    ),
    (
        "d24 forall",
        r"""
\[ \log \sum_{i=1}^n e^{x_i} = a + \log\sum_{i=1}^n e^{x_i-a} \quad \forall a\in\mathbb{R} \]""",
        "T",
    ),
    (
        "d25 forall comma",
        r"""
\[ e^{x_i - a} \le 1, \quad \forall i \text{ if } a \ge \max_i x_i \]""",
        "?",
    ),
    (
        "d26 exp left brace",
        r"""
$$\log\left\{\sum_{i=1}^{n}\exp\left\{x_i\right\}\right\} = a + \log\left\{\sum_{i=1}^{n}\exp\left\{x_i - a\right\}\right\}$$""",
        "T",
    ),
    ("d27 textstyle sum", r"""$$\log{\textstyle\sum_i} e^{x_i} = a+\log{\textstyle\sum_i} e^{x_i-a}$$""", "T"),
    (
        "d27b textstyle sum",
        r"""$$\log\bigl({\textstyle\sum}_i e^{x_i}\bigr) = a+\log\bigl({\textstyle\sum}_i e^{x_i-a}\bigr)$$""",
        "T",
    ),
    (
        "d28 tags",
        r"""
\begin{align}
y &= \log \sum_{i} e^{x_i} \tag{1}\label{eq:1}\\
e^y &\stackrel{(1)}{=} \sum_{i} e^{x_i} \tag{2}\\
e^{y-a} &\overset{(2)}{=} \sum_i e^{x_i-a}\tag{3}\\
y - a &= \sum_i x_i - a \tag{4}
\end{align}""",
        "TTTF",
    ),
    (
        "d29 merged",
        r"""
\begin{align*}
&\log(e^{a}+e^{b}) \\
&= \log(e^{a}(1+e^{b-a})) \\
&= a + \log(1+e^{b-a})
\end{align*}""",
        "TT",
    ),
    (
        "d30 binary softmax",
        r"""
$$\frac{e^{z_1}}{e^{z_1}+e^{z_2}} = \frac{1}{1+e^{z_2-z_1}} = \sigma(z_1 - z_2)$$
$$\frac{e^{z_1}}{e^{z_1}+e^{z_2}} = \sigma(z_2 - z_1)$$""",
        "TF",
    ),
    (
        "d31 entropy",
        r"""
Let $p_i = \frac{e^{x_i}}{\sum_j e^{x_j}}$.
$$H = -\sum_{i} p_i \log p_i$$
$$H = \log \sum_j e^{x_j} - \sum_i p_i x_i$$
$$H = \log\sum_j e^{x_j} - \sum_i x_i$$""",
        "TTF",
    ),
    (
        "d32 jacobian",
        r"""
$$s_i = \frac{e^{x_i}}{\sum_{j=1}^n e^{x_j}}$$
$$\frac{\partial s_i}{\partial x_j} = s_i(\delta_{ij} - s_j)$$
$$\frac{\partial s_i}{\partial x_j} = s_i(1 - s_j)$$
$$\frac{\partial s_i}{\partial x_i} = s_i(1-s_i)$$
$$\frac{\partial \log s_i}{\partial x_j} = \delta_{ij} - s_j$$
$$\frac{\partial}{\partial x_j}\log s_i = \mathbb{1}[i=j] - s_j$$""",
        "TTFTTT",
    ),
    (
        "d33 hessian",
        r"""
$$f(x) = \log\sum_{i=1}^n e^{x_i}$$
$$\frac{\partial f}{\partial x_k} = \frac{e^{x_k}}{\sum_{i=1}^n e^{x_i}}$$
$$\frac{\partial^2 f}{\partial x_k \partial x_l} = \frac{e^{x_k}}{\sum_i e^{x_i}} \delta_{kl}$$""",
        "TT?",
    ),
    (
        "d34 shift f",
        r"""
$$f(x) = \log\sum_{i=1}^n e^{x_i}$$
$$f(x + c\mathbf{1}) = f(x) + c$$
$$f(x+c) = f(x) + c$$
$$f(cx) = c f(x)$$""",
        "TTTF",
    ),
    (
        "d35 ln e rules",
        r"""
$$\ln(a\cdot b) = \ln a\cdot\ln b$$
$$\ln\frac{a}{b} = \frac{\ln a}{\ln b}$$
$$\ln a^b = b \ln a$$
$$e^{a}e^{b} = e^{ab}$$
$$(e^a)^b = e^{ab}$$
$$e^{-a} = \frac{1}{e^a}$$
$$e^{-a} = -e^a$$""",
        "FFTFTTF",
    ),
    (
        "d36 partition Z",
        r"""
$$Z = \sum_{i=1}^N e^{-E_i/T}$$
$$F = -T\ln Z$$
$$p_i = \frac{e^{-E_i/T}}{Z}$$
$$\ln p_i = \frac{F - E_i}{T}$$
$$\ln p_i = \frac{E_i - F}{T}$$
$$\sum_{i=1}^N p_i = 1$$""",
        "TTTTFT",
    ),
    (
        "d37 max factor",
        r"""
$$m := \max_{i=1,\dots,n} x_i$$
$$\log\sum_{i=1}^n e^{x_i} = m + \log\sum_{i=1}^n e^{x_i-m} \geq m$$""",
        "TT",
    ),
    (
        "d38 max under",
        r"""
$$m = \max\{x_1,\dots,x_n\}$$
$$\log\sum_{i=1}^n e^{x_i} \ge m$$""",
        "??",
    ),
    (
        "d39 quad implies in row",
        r"""
$$\log p = x - a \quad\Rightarrow\quad p = e^{x} - e^{a}$$""",
        "FF",
    ),
    (
        "d40 quad implies true",
        r"""
$$p = e^{x-a} \quad\Longrightarrow\quad \log p = x - a \quad\Longrightarrow\quad \log p + a = x$$""",
        "TTT",
    ),
    (
        "d41 kl",
        r"""
\begin{align}
\sum_i p_i \log\frac{p_i}{q_i} &= \sum_i p_i (\log p_i - \log q_i)\\
&= \sum_i p_i \log p_i - \sum_i p_i\log q_i\\
&= -\sum_i p_i \log p_i - \left(-\sum_i p_i \log q_i\right)
\end{align}""",
        "TTF",
    ),
    (
        "d42 log1p",
        r"""
$$\operatorname{log1p}(x) = \log(1+x)$$
$$\log(e^a+e^b) = \max(a,b) + \operatorname{log1p}(e^{-|a-b|})$$
$$\log(e^a+e^b) = \max(a,b) + \operatorname{log1p}(e^{|a-b|})$$""",
        "TTF",
    ),
    (
        "d43 logsubexp",
        r"""
$$\log(e^a - e^b) = a + \log(1-e^{b-a})$$
$$\log(e^a - e^b) = a + \log(1-e^{a-b})$$""",
        "TF",
    ),
    (
        "d44 intertext",
        r"""
\begin{align}
\log\sum_{i=1}^n e^{x_i} &= \log\sum_{i=1}^n e^{x_i-a}e^{a}
\intertext{now take $e^a$ out of the sum}
&= \log\left(e^{a}\sum_{i=1}^n e^{x_i-a}\right)\\
&= a + \log\sum_{i=1}^n e^{x_i-a} \qquad\blacksquare
\end{align}""",
        "TTT",
    ),
    (
        "d45 multline minus",
        r"""
\begin{multline}
-\log\frac{e^{x_k}}{\sum_{i} e^{x_i}} = -x_k \\
+ \log\sum_{i} e^{x_i}
\end{multline}""",
        "T",
    ),
    (
        "d46 since text",
        r"""
$$\frac{e^{x_i-a}}{\sum_j e^{x_j-a}} = \frac{e^{-a}e^{x_i}}{e^{-a}\sum_j e^{x_j}} \quad\text{(since $e^{u+v}=e^u e^v$)}$$
$$= \frac{e^{x_i}}{\sum_j e^{x_j}}$$""",
        "TT",
    ),
    (
        "d47 ce logits",
        r"""
$$\ell = -\sum_{c=1}^{C} y_c \log \frac{\exp(\text{logits}_c)}{\sum_{c'=1}^{C}\exp(\text{logits}_{c'})}$$""",
        "?",
    ),
    (
        "d48 bce",
        r"""
\begin{align}
\ell &= -y\log\sigma(z) - (1-y)\log(1-\sigma(z)) \\
&= y\log(1+e^{-z}) + (1-y)(z+\log(1+e^{-z})) \\
&= (1-y) z + \log(1+e^{-z}) \\
&= \max(z,0) - zy + \log(1+e^{-|z|})
\end{align}""",
        "TTTT",
    ),
    (
        "d49 bce wrong",
        r"""
\begin{align}
\ell &= -y\log\sigma(z) - (1-y)\log(1-\sigma(z)) \\
&= (1-y) z - \log(1+e^{-z})
\end{align}""",
        "TF",
    ),
    (
        "d50 sum const",
        r"""
$$\sum_{i=1}^n e^{x_i} e^{-a} = n e^{-a}\sum_{i=1}^n e^{x_i}$$
$$\sum_{i=1}^n (e^{x_i} - a) = \sum_{i=1}^n e^{x_i} - a$$
$$\sum_{i=1}^n (e^{x_i} - a) = \sum_{i=1}^n e^{x_i} - n a$$""",
        "FFT",
    ),
    ("d51 log of sum", r"$$\log\sum_{i=1}^n e^{x_i} = \sum_{i=1}^n \log e^{x_i} = \sum_{i=1}^n x_i$$", "F"),
    (
        "d52 mellowmax",
        r"""
$$\mathrm{mm}_\omega(x) = \frac{1}{\omega}\log\left(\frac1n\sum_{i=1}^n e^{\omega x_i}\right)$$""",
        "T?",
    ),
    ("d53 jensen", r"""$$\frac{1}{n}\sum_{i=1}^n x_i \le \log\left(\frac{1}{n}\sum_{i=1}^n e^{x_i}\right)$$""", "T"),
    (
        "d54 attention",
        r"""
$$a_j = \frac{\exp(s_j)}{\sum_{l=1}^L \exp(s_l)}, \qquad o = \sum_{j=1}^L a_j v_j$$
$$o = \frac{\sum_{j=1}^L e^{s_j - m} v_j}{\sum_{j=1}^L e^{s_j-m}}$$""",
        "TTT",
    ),
    (
        "d55 two blocks",
        r"""
$$\log(e^{\ell_1}+e^{\ell_2}) = \ell_1 + \log(1+e^{\ell_2-\ell_1}) = \ell_1 - \log\sigma(\ell_1-\ell_2)$$""",
        "T",
    ),
    (
        "d56 ratio",
        r"""
$$\frac{p_i}{p_j} = \frac{e^{x_i}}{e^{x_j}} = e^{x_i - x_j}$$""",
        "?",
    ),
    (
        "d57 ratio def",
        r"""
$$p_i = \frac{e^{x_i}}{\sum_{k=1}^K e^{x_k}}$$
$$\frac{p_i}{p_j} = e^{x_i-x_j}$$
$$\log\frac{p_i}{p_j} = x_i - x_j$$
$$\log\frac{p_i}{p_j} = \frac{x_i}{x_j}$$""",
        "TTTF",
    ),
    (
        "d58 gumbel",
        r"""
\[ \frac{e^{(\log \pi_i + g_i)/\tau}}{\sum_j e^{(\log\pi_j+g_j)/\tau}} = \frac{\pi_i^{1/\tau} e^{g_i/\tau}}{\sum_j \pi_j^{1/\tau}e^{g_j/\tau}} \]""",
        "T",
    ),
    (
        "d59 inline only eq",
        r"""
\begin{eqnarray*}
\log \sum_i e^{x_i} & = & \log \sum_i e^{a} e^{x_i-a} \\
& = & \log e^a \sum_i e^{x_i-a} \\
& = & a + \log\sum_i e^{x_i-a}
\end{eqnarray*}""",
        "TTT",
    ),
    ("d60 log e^a sum", r"$$\log e^a \sum_i e^{x_i-a} = a \sum_i e^{x_i-a}$$", "T"),
]
if __name__ == "__main__":
    run(C)
