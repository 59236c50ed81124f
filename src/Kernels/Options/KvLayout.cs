namespace Kernels;

/// <summary>The order of the axes inside one sequence of the cache.</summary>
public enum KvLayout
{
    /// <summary>(head, token, dim): the keys of one head are one linear stream, which is what decode reads.</summary>
    Hnd = 0,

    /// <summary>(token, head, dim): all heads of one token lie together, as the linear layers produce them.</summary>
    Nhd = 1,
}
