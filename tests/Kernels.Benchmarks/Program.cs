using BenchmarkDotNet.Running;
using Kernels.Benchmarks.Compare;
using Kernels.Benchmarks.Host;
using Kernels.Benchmarks.Profile;

if (args is [CompareCommand.Name or CompareCommand.ParticipantName or HostCommand.Name or ProfileCommand.Name, ..])
{
    return CompareCommand.Create().Parse(args).Invoke();
}

BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;
