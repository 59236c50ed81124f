using CsCheck;

namespace Kernels.Paging.Tests.Histories;

/// <summary>An operation; what the numbers choose depends on what there is when it is its turn.</summary>
internal readonly record struct Step(Operation Operation, int Which, int Amount);
