using Kernels.OpenCL;

namespace Kernels.Benchmarks.Compare;

/// <summary>What a spec is given beside its cache before its step runs.</summary>
/// <param name="Attention">The attention.</param>
/// <param name="Plan">The step.</param>
/// <param name="Work">The work.</param>
/// <param name="Owned">Takes what has to live as long as the work.</param>
internal sealed record Extras<TSpec>(TSpec Attention, AttentionPlan<TSpec> Plan, Work Work, ICollection<IDisposable> Owned);
