namespace Kernels.Serving;

internal sealed record ApiModel(string Id, string Object, long Created, string OwnedBy);
