using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>Run alone: tests beside them would empty the pools that all events share.</summary>
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class AllocationTestsRunAlone;
