namespace Kernels.Paging.Tests.Histories;

internal sealed class InjectedFaultException : Exception;
