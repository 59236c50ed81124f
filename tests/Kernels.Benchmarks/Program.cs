using BenchmarkDotNet.Running;
using Kernels.Benchmarks.Compare;

if (args is [CompareCommand.Name or CompareCommand.ParticipantName, ..])
{
    return CompareCommand.Create().Parse(args).Invoke();
}

BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;
