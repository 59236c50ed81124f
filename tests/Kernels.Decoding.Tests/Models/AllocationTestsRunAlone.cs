using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>Run alone: tests beside them would allocate too, and empty the pools that all events share.</summary>
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class AllocationTestsRunAlone : ICollectionFixture<Devices>;
