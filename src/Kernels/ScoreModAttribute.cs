namespace Kernels;

/// <summary>
/// Marks the method that changes scores in an attention spec. The generator translates it to OpenCL C, and every kernel of
/// the spec calls it on scale·(q·k), before bias and mask; a test calls the very same method.
/// </summary>
/// <remarks>
/// <para>
/// A static method of a type with <see cref="AttentionKernelAttribute"/>, at most one:
/// <code>
/// [ScoreMod]
/// static float Relative(float score, int batch, int head, int query, int key, ReadOnlySpan&lt;float&gt; slopes, float cap) =>
///     cap * MathF.Tanh(score / cap) - slopes[head] * Math.Abs(query - key);
/// </code>
/// The first five parameters and the return type are fixed, their names are free: the score; the index of the request in the launch; the
/// query head; the positions of query and key, both counted in keys of the request's sequence (a query's is i + s_k − s_q, and 0 for
/// those below). Parameters after them are inputs that are given at launch: <see cref="int"/>, <see cref="float"/>, and
/// <see cref="ReadOnlySpan{T}"/> of either, which has at least one element.
/// </para>
/// <para>
/// A body calculates in <see cref="int"/>, <see cref="float"/> and <see cref="bool"/>: operators, <c>Math</c> and <c>MathF</c>, local
/// variables, <c>if</c>, <c>switch</c> expressions, <c>for</c> loops to a bound that is a constant or an input, constants, and calls to
/// other static methods of the type. Anything else is an error where it is written. Results are C#'s: integers and comparisons exactly
/// (wrapping, truncating, with NaN as in C#), a float operation within the error that OpenCL allows it. </para>
/// <para>
/// The method must have a result for all that a kernel can call it with: any query head, any request of the launch, any positions inside
/// the sequence, keys behind a mask too. Where C# would throw, the kernel's result is unspecified, but for integer division: by zero,
/// quotient and remainder are 0, and <see cref="int.MinValue"/> by −1 gives <see cref="int.MinValue"/> and remainder 0, on every device;
/// nothing faults. (Called as C#, by the reference for one, the method throws <see cref="DivideByZeroException"/> or
/// <see cref="OverflowException"/> there.) An index outside a span is not checked on the device. </para>
/// </remarks>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = false, Inherited = false)]
public sealed class ScoreModAttribute : Attribute;
